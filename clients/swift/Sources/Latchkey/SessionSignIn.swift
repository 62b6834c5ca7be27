import Foundation
import LatchkeyAPI

extension Session {
    /// Signs in with an address and a password.
    public func signIn(email: String, password: String) async throws(SessionError) -> SignInResult {
        try await signIn(LoginRequest(email: email, password: password))
    }

    /// Signs in with a password and whatever names the account here.
    ///
    /// - Returns: Who is signed in, or what is pending.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong, such as
    ///   `email_password_mismatch`, or `already_authenticated` where somebody is signed in: sign
    ///   out first.
    public func signIn(_ request: LoginRequest) async throws(SessionError) -> SignInResult {
        try await begin("login") { try await api.login(.init(body: request)).step }
    }

    /// Makes an account with an address and a password, and signs in.
    public func signUp(email: String, password: String) async throws(SessionError) -> SignInResult {
        try await signUp(SignupRequest(email: email, password: password))
    }

    /// Makes an account, and signs in.
    ///
    /// - Returns: Who is signed in, or what is pending, such as `verify_email`.
    /// - Throws: ``SessionError/problem(status:_:)`` with what is wrong, such as
    ///   `password_too_short`.
    public func signUp(_ request: SignupRequest) async throws(SessionError) -> SignInResult {
        try await begin("signup") { try await api.signup(.init(body: request)).step }
    }

    /// Takes the first step of a sign-in.
    func begin(_ operation: String, _ ask: () async throws -> StepAnswer<User>) async throws(SessionError) -> SignInResult {
        try await typed { try await afresh(ask).result(of: operation, begins: true) }
    }

    /// Takes a further step of a sign-in, and forgets the sign-in where the server says that it is over.
    func goOn(_ step: () async throws -> SignInResult) async throws(SessionError) -> SignInResult {
        let sent = sessionToken
        do { return try await typed(step) } catch {
            if error == .nothingPending, sessionToken == sent { sessionToken = nil }
            throw error
        }
    }

    /// Names whatever is thrown as a session does.
    func typed<Value: Sendable>(_ body: () async throws -> Value) async throws(SessionError) -> Value {
        do { return try await body() } catch { throw SessionError(error) }
    }

    /// Asks again, once, where an earlier sign-in has run out: the session has forgotten it by now.
    func afresh<Value>(_ ask: () async throws -> StepAnswer<Value>) async throws -> StepAnswer<Value> {
        let first = try await ask()
        guard case .gone = first else { return first }
        return try await ask()
    }

    /// Signs out: the local copies go at once, and so does a sign-in that is under way. Then the server is told, which may take two
    /// seconds here; where it takes longer it goes on by itself, also in the next launch.
    ///
    /// - Throws: ``SessionError/locked`` or ``SessionError/store(_:)`` where the copies could not
    ///   be removed. The person is signed out all the same; the session removes them as soon as
    ///   it can, while the app runs.
    public func signOut() async throws(SessionError) {
        sessionToken = nil
        epoch += 1 // what is under way brings nothing back, nor anybody in
        guard let record = try recordToEnd() else { return }
        let access = shared.current
        let result = await Task { await takeAway(record) }.value
        if case .failure = result { voidKey = record.idempotencyKey }
        end(.user)
        if let removed = (try? result.get()) ?? (voidKey == record.idempotencyKey ? record : nil) {
            await signOuts.add(removed, access: access)
            await signOuts.tryNow()
        }
        _ = try result.get()
    }

    /// What is stored, or what was when the store could last be read.
    private func recordToEnd() throws(SessionError) -> TokenRecord? {
        do { return try load() } catch {
            guard case .record(let record) = known else { throw error }
            return record
        }
    }

    private func takeAway(_ record: TokenRecord) async -> Result<TokenRecord?, SessionError> {
        var record = record
        while true {
            do {
                switch try await vault.remove(record.idempotencyKey, queue: true) {
                case .made(let removed): return .success(removed)
                case .overtaken(nil): return .success(nil)
                case .overtaken(let other?): record = other // another process has refreshed it
                }
            } catch { return .failure(SessionError(error)) }
        }
    }
}
