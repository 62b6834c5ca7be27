import { createContext, useContext, useEffect, useMemo, useReducer, type ReactNode } from 'react';
import { BackHandler } from 'react-native';

/** What a code is asked for. The first three are ids of the server's flows. */
export type CodePurpose = 'verify_email' | 'login_by_code' | 'password_reset_by_code' | 'verify_address';

/** One screen, with what it needs to know. Lives in memory only. */
export type Route =
  | { screen: 'sign_in' | 'sign_up' | 'sign_in_by_code' | 'forgot_password'; email?: string; notice?: string }
  | { screen: 'confirm_code'; purpose: CodePurpose; email: string }
  | { screen: 'new_password'; code: string; email: string }
  | { screen: 'second_factor'; types: readonly string[] }
  | { screen: 'provider_sign_up' | 'sign_up_passkey' }
  | { screen: 'profile' | 'display_name' | 'add_address' | 'devices' | 'change_password' | 'delete_account'; notice?: string }
  | { screen: 'addresses' | 'factors' | 'services'; notice?: string }
  | { screen: 'add_totp' | 'add_passkey' }
  | { screen: 'recovery_codes'; fresh: boolean };

type Move = { kind: 'push'; route: Route } | { kind: 'back' } | { kind: 'reset'; routes: readonly Route[] };

/** The screens below and on top after a move. The first one always stays. */
export function moved(stack: readonly Route[], move: Move): readonly Route[] {
  switch (move.kind) {
    case 'push':
      return [...stack, move.route];
    case 'back':
      return stack.length > 1 ? stack.slice(0, -1) : stack;
    case 'reset':
      return move.routes;
  }
}

/** How screens move on. */
export interface Navigation {
  route: Route;
  canGoBack: boolean;
  push(route: Route): void;
  back(): void;
  /** Replaces all screens; the last one is shown. */
  reset(...routes: Route[]): void;
}

const NavigationContext = createContext<Navigation | undefined>(undefined);

/** Holds the screens that begin with `root`. */
export function NavigationProvider({ root, children }: { root: Route; children: ReactNode }) {
  const [stack, dispatch] = useReducer(moved, [root]);
  const navigation = useMemo<Navigation>(
    () => ({
      route: stack[stack.length - 1] ?? root,
      canGoBack: stack.length > 1,
      push: (route) => dispatch({ kind: 'push', route }),
      back: () => dispatch({ kind: 'back' }),
      reset: (...routes) => dispatch({ kind: 'reset', routes }),
    }),
    [stack, root],
  );
  useEffect(() => {
    const subscription = BackHandler.addEventListener('hardwareBackPress', () => {
      navigation.back();
      return navigation.canGoBack; // false leaves the app
    });
    return () => subscription.remove();
  }, [navigation]);
  return <NavigationContext.Provider value={navigation}>{children}</NavigationContext.Provider>;
}

/** How to move on from a screen. */
export function useNavigation(): Navigation {
  const navigation = useContext(NavigationContext);
  if (!navigation) {
    throw new Error('useNavigation needs a <NavigationProvider> above');
  }
  return navigation;
}
