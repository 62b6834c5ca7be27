import { LatchkeyError } from './errors.js';
import type { CreationOptionsJson, Passkeys, RequestOptionsJson } from './passkey-prompt.js';

/** Whether this browser has passkeys at all; whether the person has one shows when it is asked for. */
export function browserSupportsPasskeys(): boolean {
  return typeof PublicKeyCredential !== 'undefined' && globalThis.navigator?.credentials !== undefined;
}

/**
 * Passkeys of the browser. It hands them out to pages at `https://` and `http://localhost`
 * whose host is the server's RP id or below it.
 */
export function browserPasskeys(): Passkeys {
  let stop: AbortController | undefined;
  const open = (): AbortSignal => {
    if (!browserSupportsPasskeys()) {
      throw new LatchkeyError('passkey', 'this browser has no passkeys', { code: 'passkey_unsupported' });
    }
    stop?.abort(); // a page has one prompt at a time
    stop = new AbortController();
    return stop.signal;
  };
  return {
    async create(options) {
      const signal = open();
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON?.(options as PublicKeyCredentialCreationOptionsJSON) ?? creationOptions(options);
      return json(await navigator.credentials.create({ publicKey, signal }));
    },
    async get(options) {
      const signal = open();
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON?.(options as PublicKeyCredentialRequestOptionsJSON) ?? requestOptions(options);
      return json(await navigator.credentials.get({ publicKey, signal }));
    },
    cancel: () => stop?.abort(),
  };
}

// What follows is for browsers older than the static functions and toJSON (before 2025).

function creationOptions(options: CreationOptionsJson): PublicKeyCredentialCreationOptions {
  const user = { ...options.user, id: bytes(options.user.id) };
  return { ...options, challenge: bytes(options.challenge), user, excludeCredentials: descriptors(options.excludeCredentials) } as PublicKeyCredentialCreationOptions;
}

function requestOptions(options: RequestOptionsJson): PublicKeyCredentialRequestOptions {
  return { ...options, challenge: bytes(options.challenge), allowCredentials: descriptors(options.allowCredentials) } as PublicKeyCredentialRequestOptions;
}

function descriptors(list: CreationOptionsJson['excludeCredentials']): object[] {
  return (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
}

function json(credential: Credential | null): object | null {
  const key = credential as PublicKeyCredential | null;
  if (!key || typeof key.toJSON === 'function') {
    return key && (key.toJSON() as object);
  }
  const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = key.response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse;
  const response: Record<string, unknown> = { clientDataJSON: text(clientDataJSON) };
  if (attestationObject) {
    const { response: made } = key as { response: Partial<AuthenticatorAttestationResponse> };
    Object.assign(response, { attestationObject: text(attestationObject), transports: made.getTransports?.() ?? [] });
  } else {
    Object.assign(response, { authenticatorData: text(authenticatorData), signature: text(signature), ...(userHandle ? { userHandle: text(userHandle) } : {}) });
  }
  return {
    id: key.id,
    rawId: text(key.rawId),
    type: key.type,
    response,
    authenticatorAttachment: key.authenticatorAttachment ?? undefined,
    clientExtensionResults: key.getClientExtensionResults(),
  };
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
