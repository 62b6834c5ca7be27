import LatchkeyAPI

extension Session {
    /// A nonce for one sign-in with another service. It is good for ten minutes, once. Apple and
    /// Google take `nonceSha256`; SDKs that hash by themselves take `nonce`.
    public func providerNonce() async throws(SessionError) -> ProviderNonce {
        try await typed { try await stranger.createProviderNonce(.init()).step.value(of: "createProviderNonce") }
    }

    /// Signs in with what another service gave to the app. A session that is there stays until the
    /// new one is stored, and is ended then.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Returns: Who is signed in, or what is pending: a second factor, or `provider_signup`
    ///   where the account needs more than the service told
    ///   (`getProviderSignup`, `completeProviderSignup`).
    /// - Throws: ``SessionError/problem(status:_:)``, such as `invalid_token`, or status 401 and
    ///   nothing else where the account is disabled. An id_token serves once, and may be used up although no answer
    ///   came: after ``SessionError/network(_:)`` get a new one from the service.
    public func signIn(with credential: ProviderCredential, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await begin("submitProviderToken", force: force) { try await submit(credential, "login", by: $0) }
    }

    /// Signs in with another service: fetches a nonce, lets the user sign in there, and goes on
    /// with what that gives.
    ///
    /// - Throws: Also ``SessionError/prompt(_:)`` where the prompt brought nothing.
    public func signIn(with prompt: any ProviderPrompt, force: Bool = false) async throws(SessionError) -> SignInResult {
        let attempt = try beginSignIn(force: force, isApart: true) // before anybody is asked anything
        let credential = try await ask(prompt)
        return try await typed {
            try await submit(credential, "login", by: client(attempt)).result(of: "submitProviderToken", begins: true)
        }
    }

    /// Connects another service to the account of the person who is signed in.
    ///
    /// - Throws: ``SessionError/reauthenticate(_:)`` where the person has to prove again that it is
    ///   them, after which the same credential still serves; ``SessionError/problem(status:_:)``,
    ///   such as `connected_other`. After ``SessionError/network(_:)`` the id_token may be used up
    ///   and the service connected: `listProviderAccounts` says whether it is; otherwise get a new
    ///   id_token from the service.
    public func connect(_ credential: ProviderCredential) async throws(SessionError) {
        try await typed {
            if case .record = known {} else { try load() }
            guard case .record = known else { throw SessionError.signedOut(reason) }
            _ = try await submit(credential, "connect", by: api).value(of: "submitProviderToken")
        }
    }

    /// Connects another service: fetches a nonce, lets the person sign in there, and goes on with
    /// what that gives.
    ///
    /// - Throws: Also ``SessionError/prompt(_:)`` where the prompt brought nothing.
    public func connect(with prompt: any ProviderPrompt) async throws(SessionError) {
        try await connect(ask(prompt))
    }

    /// Proves by a service that is connected to the account that it is the user who is signed in,
    /// after ``SessionError/reauthenticate(_:)`` with the flow `provider_reauthenticate`: fetches
    /// a nonce for that, lets the user sign in there, and submits what that gives.
    ///
    /// - Throws: ``SessionError/problem(status:_:)`` with `invalid_token` where it is another
    ///   account there; ``SessionError/prompt(_:)`` where the prompt brought nothing.
    public func reauthenticate(byService prompt: any ProviderPrompt) async throws(SessionError) {
        let nonce = try await typed {
            try await api.createProviderNonce(.init(process: "reauthenticate")).step.value(of: "createProviderNonce")
        }
        let credential = try await ask(prompt, nonce)
        _ = try await typed { try await submit(credential, "reauthenticate", by: api).value(of: "submitProviderToken") }
    }

    private func ask(_ prompt: any ProviderPrompt) async throws(SessionError) -> ProviderCredential {
        try await ask(prompt, providerNonce())
    }

    private func ask(_ prompt: any ProviderPrompt, _ nonce: ProviderNonce) async throws(SessionError) -> ProviderCredential {
        var credential = try await typed { try await prompt.credential(nonce: nonce) }
        // A prompt that ignores its nonce is found out at the first sign-in, not by a thief.
        if credential.token.nonce == nil { credential.token.nonce = nonce.nonce }
        return credential
    }

    private func submit(
        _ credential: ProviderCredential, _ process: String, by client: Client
    ) async throws(ClientError) -> StepAnswer<User> {
        let request = ProviderTokenRequest(provider: credential.provider, process: process, token: credential.token)
        return try await client.submitProviderToken(.init(body: request)).step
    }
}
