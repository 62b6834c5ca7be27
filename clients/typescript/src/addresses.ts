/**
 * A URL in the form that `fetch` gives it: scheme and host in small letters, without the usual
 * port and without `..`. Undefined for what is no URL of http or https, or names a user. React
 * Native's own URL does none of this.
 */
export function normal(url: string): string | undefined {
  const [, scheme, host, port = '', path = '/', rest = ''] = /^(https?):\/\/([\w.-]+|\[[\da-f:.]+\])(?::(\d*))?(\/[^?#\\\s]*)?([?#].*)?$/i.exec(url) ?? [];

  if (!scheme) {
    return undefined;
  }
  const steps: string[] = [];

  for (const step of path.replace(/%2e/gi, '.').replace(/\/\.\.?$/, '$&/').slice(1).split('/')) {
    if (step === '..') {
      steps.pop();
    } else if (step !== '.') {
      steps.push(step);
    }
  }
  const place = +port && +port !== (/s$/i.test(scheme) ? 443 : 80) ? `:${+port}` : '';

  return `${scheme}://${host}${place}/`.toLowerCase() + steps.join('/') + rest;
}

/** What comes after `baseUrl` in a URL that leads there; undefined for any other. */
export function below(baseUrl: string, url: string): string | undefined {
  const full = normal(url);

  return full?.startsWith(`${baseUrl}/`) ? full.slice(baseUrl.length) : undefined;
}

/** Scheme, host and port of a URL. */
export function originOf(url: string): string {
  return url.split('/', 3).join('/');
}

/** An address that tokens may go to, without a slash at the end. Throws `TypeError` for what cannot work. */
export function address(option: string, url: string, allowInsecureHttp: boolean | undefined): string {
  const full = normal(url);

  if (!full || /[?#]/.test(full) || (!allowInsecureHttp && !/^(https|http:\/\/(localhost|127(\.\d+){3}|\[::1\])[:/])/.test(full))) {
    throw new TypeError(`latchkey: ${option} must be https://…, or http:// with allowInsecureHttp`);
  }
  return full.replace(/\/+$/, '');
}
