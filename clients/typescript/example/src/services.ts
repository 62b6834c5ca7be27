import type { Config } from '@latchkey-auth/client/api';
import { providerNonce, type ProviderIdentity } from '@latchkey-auth/client/providers';
import { latchkey } from './latchkey';
import { returnAddress, visit } from './visit';

/** Another service to sign in with. */
export interface Service {
  id: string;
  name: string;
  clientId: string;
  /** Its page. */
  page: string;
}

/**
 * The services that this app can ask: those that `latchkey dev` plays. Where the server has
 * the real Apple and Google, there are none here: an app asks them by their own SDKs, and
 * hands what these give to `signInWithProvider`.
 */
export function servicesOf(config: Config | undefined): Service[] {
  const providers = config?.socialaccount?.providers ?? [];
  const discovery = providers.find(({ id }) => id === 'fake-oidc')?.openid_configuration_url;
  const played = discovery?.replace(/\/fake-oidc\/.*/, '');
  return providers.flatMap(({ id, name, client_id }) => {
    const [clientId] = client_id?.split(',') ?? [];
    return played && clientId && (id === 'apple' || id === 'google') ? [{ id, name, clientId, page: `${played}/${id}/sign-in` }] : [];
  });
}

/** Asks a service who the person is, for a sign-in or as a proof of who is signed in; undefined where they went away. */
export async function identityBy(service: Service, process?: 'reauthenticate'): Promise<ProviderIdentity | undefined> {
  const nonces = providerNonce(latchkey, { process });
  const address = nonces.then(({ nonceSha256 }) => {
    // The hash: a stolen id_token does not reveal the nonce.
    const query = { client_id: service.clientId, nonce: nonceSha256, redirect_uri: returnAddress, state: nonceSha256 };
    return `${service.page}?${Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
  });
  const told = membersOf(await visit(address));
  const { nonce, nonceSha256 } = await nonces;
  const idToken = told['id_token'];
  if (!idToken || told['state'] !== nonceSha256) {
    return undefined; // the state shows that it answers what we asked
  }
  return { provider: service.id, clientId: service.clientId, idToken, authorizationCode: told['code'], nonce };
}

function membersOf(fragment: string | undefined): Readonly<Record<string, string>> {
  const pairs = (fragment ?? '').split('&').map((pair) => pair.split('='));
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, decodeURIComponent(value)]));
}
