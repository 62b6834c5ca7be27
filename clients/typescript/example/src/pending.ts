import type { Done, Pending, SignedIn } from '@latchkey-auth/client';
import { LatchkeyError } from '@latchkey-auth/client';
import { useCallback } from 'react';
import { useNavigation, type CodePurpose } from './navigation';

const byCode: readonly string[] = ['verify_email', 'login_by_code', 'password_reset_by_code'];

/** Shows the screen of the step that a sign-in has pending. Once it is complete, the session shows the app by itself. */
export function usePending(): (result: SignedIn | Pending | Done, email: string) => void {
  const { push } = useNavigation();
  return useCallback(
    (result, email) => {
      if (result.kind !== 'pending') {
        return;
      }
      const flows = result.flows.filter((flow) => flow.is_pending);
      const factor = flows.find(({ id }) => id === 'mfa_authenticate');
      if (factor) {
        push({ screen: 'second_factor', types: factor.types ?? [] });
        return;
      }
      if (flows.some(({ id }) => id === 'provider_signup')) {
        push({ screen: 'provider_sign_up' });
        return;
      }
      if (flows.some(({ id }) => id === 'mfa_signup_webauthn')) {
        push({ screen: 'sign_up_passkey' });
        return;
      }
      const flow = flows.find(({ id }) => byCode.includes(id));
      if (!flow) {
        throw new LatchkeyError('problem', 'a step that this app has no screen for', {
          problems: [{ code: 'unsupported', message: 'This account needs a step that this app does not offer yet.' }],
        });
      }
      push({ screen: 'confirm_code', purpose: flow.id as CodePurpose, email });
    },
    [push],
  );
}

/**
 * Waits for the last call of a flow that signs nobody in. The answer then names the flows
 * that can be started; some servers word that as 401.
 */
export async function endsFlow(result: Promise<unknown>): Promise<void> {
  try {
    await result;
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.status !== 401 || error.problems.length > 0) {
      throw error;
    }
  }
}
