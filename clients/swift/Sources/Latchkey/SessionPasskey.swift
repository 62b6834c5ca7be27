import LatchkeyAPI

extension Session {
    /// Signs in with a passkey alone: the user's face, finger or PIN makes it both factors. A session
    /// that is there stays until the new one is stored, and is ended then.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Returns: Who is signed in, or what is pending, such as `verify_email`.
    /// - Throws: ``SessionError/prompt(_:)`` where the prompt brought nothing;
    ///   ``SessionError/problem(status:_:)`` with `incorrect_code` where the server does not take
    ///   the passkey. Call it again for another attempt: each needs options of its own.
    public func signInWithPasskey(_ prompt: any PasskeyPrompt, force: Bool = false) async throws(SessionError) -> SignInResult {
        let attempt = try beginSignIn(force: force, isApart: true)
        return try await typed {
            let client = client(attempt)
            let options = try await client.getPasskeyLoginOptions().step.value(of: "getPasskeyLoginOptions")
            let credential = try await prompt.assert(options)
            return try await client.loginByPasskey(.init(body: .init(credential: credential))).step.result(of: "loginByPasskey", begins: true)
        }
    }

    /// Begins an account with a passkey in place of a password.
    public func signUpWithPasskey(email: String, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await signUpWithPasskey(PasskeySignupRequest(email: email), force: force)
    }

    /// Begins an account with a passkey in place of a password. The passkey is made in
    /// ``finishSignUp(with:name:)``, when `mfa_signup_webauthn` is pending.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Returns: What is pending, at first `verify_email`.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong.
    public func signUpWithPasskey(_ request: PasskeySignupRequest, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await begin("signupByPasskey", force: force) { try await $0.signupByPasskey(.init(body: request)).step }
    }

    /// Makes the passkey of a new account, while `mfa_signup_webauthn` is pending, and signs in.
    ///
    /// - Throws: ``SessionError/prompt(_:)`` where the prompt brought nothing, and the step is
    ///   still pending; ``SessionError/nothingPending`` where the sign-up is over.
    public func finishSignUp(with prompt: any PasskeyPrompt, name: String? = nil) async throws(SessionError) -> SignInResult {
        try await goOn { client in
            let options = try await client.getPasskeySignupOptions().step.onlyStep(of: "getPasskeySignupOptions")
            let made = NewCredentialRequest(credential: try await prompt.create(options), name: name)
            return try await client.completePasskeySignup(.init(body: made)).step.result(of: "completePasskeySignup")
        }
    }

    /// Adds a passkey to the account of the person who is signed in.
    ///
    /// - Parameters:
    ///   - prompt: What makes it.
    ///   - name: What the person calls it; made up where it is not given.
    ///   - passwordless: Whether it can sign in alone. Otherwise it is a second factor.
    /// - Throws: ``SessionError/reauthenticate(_:)`` where the person has to prove again that it is
    ///   them; ``SessionError/prompt(_:)`` where the prompt brought nothing;
    ///   ``SessionError/problem(status:_:)``, such as 409 with `unverified_email`.
    public func addPasskey(
        with prompt: any PasskeyPrompt, name: String? = nil, passwordless: Bool = true
    ) async throws(SessionError) -> AddedPasskey {
        try await typed {
            // The parameter counts by being there, whatever it says.
            let options = try await api.getCreationOptions(.init(passwordless: passwordless ? "true" : nil)).step.value(of: "getCreationOptions")
            let made = NewCredentialRequest(credential: try await prompt.create(options), name: name)
            return try await api.addCredential(.init(body: made)).step.value(of: "addCredential")
        }
    }
}

/// A passkey that was added.
public struct AddedPasskey: Hashable, Sendable {
    /// The passkey.
    public let authenticator: Authenticator
    /// Whether recovery codes were made along with it: show them, `getRecoveryCodes` has them.
    public let recoveryCodesGenerated: Bool

    init(_ answer: AuthenticatorResponse) {
        (authenticator, recoveryCodesGenerated) = (answer.data, answer.meta?.recoveryCodesGenerated == true)
    }
}
