import Foundation
import LatchkeyAPI

extension Session {
    /// Signs in with an address and a password.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be replaced at once.
    public func signIn(email: String, password: String, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await signIn(LoginRequest(email: email, password: password), force: force)
    }

    /// Signs in with a password and whatever names the account here. A session that is there stays
    /// until the new one is stored, and is ended then.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Returns: Who is signed in, or what is pending.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong, such as
    ///   `email_password_mismatch`; ``SessionError/nothingPending`` where another sign-in has
    ///   begun in the meantime.
    public func signIn(_ request: LoginRequest, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await begin("login", force: force) { try await $0.login(.init(body: request)).step }
    }

    /// Makes an account with an address and a password, and signs in.
    public func signUp(email: String, password: String, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await signUp(SignupRequest(email: email, password: password), force: force)
    }

    /// Makes an account, and signs in.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Returns: Who is signed in, or what is pending, such as `verify_email`.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong, such as
    ///   `password_too_short`.
    public func signUp(_ request: SignupRequest, force: Bool = false) async throws(SessionError) -> SignInResult {
        try await begin("signup", force: force) { try await $0.signup(.init(body: request)).step }
    }

    /// Takes the first step of a sign-in.
    func begin(
        _ operation: String, force: Bool = false, _ ask: (Client) async throws -> StepAnswer<User>
    ) async throws(SessionError) -> SignInResult {
        let attempt = try beginSignIn(force: force, isApart: true)
        return try await typed { try await ask(client(attempt)).result(of: operation, begins: true) }
    }

    /// Takes a further step of the sign-in that is pending.
    func goOn(_ step: (Client) async throws -> SignInResult) async throws(SessionError) -> SignInResult {
        let attempt = pending?.attempt
        if let attempt { newest = attempt.number }
        do { return try await typed { try await step(client(attempt)) } } catch {
            // The session has forgotten it by now.
            if case .problem(409, let problems) = error, problems.first?.code == "flow_not_pending", attempt != nil,
               pending?.attempt !== attempt { throw .nothingPending }
            throw error
        }
    }

    /// Names whatever is thrown as a session does.
    func typed<Value: Sendable>(_ body: () async throws -> Value) async throws(SessionError) -> Value {
        do { return try await body() } catch { throw SessionError(error) }
    }
}
