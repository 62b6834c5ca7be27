import LatchkeyAPI

extension Session {
    /// A nonce for one sign-in with another service. It is good for ten minutes, once. Apple takes
    /// `nonceSha256`; Google, and SDKs that hash by themselves, take `nonce`.
    public func providerNonce() async throws(SessionError) -> ProviderNonce {
        do { return try await api.createProviderNonce().step.value(of: "createProviderNonce") } catch { throw SessionError(error) }
    }

    /// Signs in with what another service gave to the app. Whoever is signed in is signed out: the
    /// session is the new person's, also while a step of theirs is pending.
    ///
    /// - Returns: Who is signed in, or what is pending: a second factor, or `provider_signup`
    ///   where the account needs more than the service told
    ///   (`getProviderSignup`, `completeProviderSignup`).
    /// - Throws: ``SessionError/problem(status:_:)``, such as `invalid_token`. An id_token serves
    ///   once: begin at the service again.
    public func signIn(with credential: ProviderCredential) async throws(SessionError) -> SignInResult {
        do {
            return try await afresh { try await submit(credential, "login") }.result(of: "submitProviderToken")
        } catch { throw SessionError(error) }
    }

    /// Signs in with another service: fetches a nonce, lets the person sign in there, and goes on
    /// with what that gives.
    ///
    /// - Throws: Also ``SessionError/prompt(_:)`` where the prompt brought nothing.
    public func signIn(with prompt: any ProviderPrompt) async throws(SessionError) -> SignInResult {
        try await signIn(with: ask(prompt))
    }

    /// Connects another service to the account of the person who is signed in.
    ///
    /// - Throws: ``SessionError/reauthenticate(_:)`` where the person has to prove again that it is
    ///   them, after which the same credential still serves; ``SessionError/problem(status:_:)``,
    ///   such as `connected_other`.
    public func connect(_ credential: ProviderCredential) async throws(SessionError) {
        do {
            if case .record = known {} else { try load() }
            guard case .record = known else { throw SessionError.signedOut(reason) }
            let step = try await submit(credential, "connect")
            // It goes without a session too, and may have: when the refresh before it was refused.
            guard case .record = known else { throw SessionError.signedOut(reason) }
            _ = try step.value(of: "submitProviderToken")
        } catch { throw SessionError(error) }
    }

    /// Connects another service: fetches a nonce, lets the person sign in there, and goes on with
    /// what that gives.
    ///
    /// - Throws: Also ``SessionError/prompt(_:)`` where the prompt brought nothing.
    public func connect(with prompt: any ProviderPrompt) async throws(SessionError) {
        try await connect(ask(prompt))
    }

    private func ask(_ prompt: any ProviderPrompt) async throws(SessionError) -> ProviderCredential {
        let nonce = try await providerNonce()
        do { return try await prompt.credential(nonce: nonce) } catch { throw SessionError(error) }
    }

    private func submit(_ credential: ProviderCredential, _ process: String) async throws(ClientError) -> StepAnswer<User> {
        let request = ProviderTokenRequest(provider: credential.provider, process: process, token: credential.token)
        return try await api.submitProviderToken(.init(body: request)).step
    }
}
