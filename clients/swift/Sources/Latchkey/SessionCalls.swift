import Foundation
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension Session {
    private enum Credential: Sendable {
        case none
        case sessionToken(String)
        case bearer(String)

        var isBearer: Bool { if case .bearer = self { true } else { false } }
        var sessionToken: String? { if case .sessionToken(let token) = self { token } else { nil } }
    }

    /// Sends an operation with the session's credential; refreshes and repeats it once at most.
    nonisolated func authenticate(
        _ request: HTTPRequest, refusesSignedIn: Bool, _ next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        let before = shared.current?.value
        var (credential, epoch) = try await credential(for: request, refusesSignedIn)
        let asked = clock.uptime
        var response = try await next(carry(credential, request))
        if case .bearer(var token) = credential {
            if token == before, isRefused(response, request) {
                await note(refused: token)
                token = try await accessToken(refused: token)
                credential = .bearer(token)
                response = try await next(carry(credential, request))
            }
            await note(isRefused(response, request), token)
        }
        try await absorb(response, of: request, credential, asked, epoch)
        return response
    }

    /// Sends a request to the app's own server with the access token, by the same rules: HTTPS
    /// only, no redirects, a 401 refreshes and repeats once.
    ///
    /// - Throws: ``SessionError``; ``SessionError/foreignHost`` where the host is neither the
    ///   Latchkey server's nor in ``SessionOptions/trustedHosts``.
    public nonisolated func data(for request: URLRequest) async throws(SessionError) -> (Data, HTTPURLResponse) {
        guard let host = request.url?.host, host == server.host || options.trustedHosts.contains(host) else { throw .foreignHost }
        guard let transport = transport as? URLSessionTransport else { throw .network(.badAnswer) }
        do {
            try await options.unlock?.unlock()
            let token = try await accessToken()
            let first = try await send(request, token, transport)
            guard first.1.statusCode == 401 else { return first }
            await note(refused: token)
            let fresh = try await accessToken(refused: token)
            return try await send(request, fresh, transport)
        } catch { throw SessionError(error) }
    }

    private nonisolated func send(
        _ request: URLRequest, _ token: String, _ transport: URLSessionTransport
    ) async throws -> (Data, HTTPURLResponse) {
        var request = request
        request.setValue("Bearer " + token, forHTTPHeaderField: "Authorization")
        let wire = request
        return try await limit(options.timeout, clock) { try await transport.send(wire) }
    }

    private nonisolated func carry(_ credential: Credential, _ request: HTTPRequest) -> HTTPRequest {
        switch credential {
        case .none: request
        case .sessionToken(let token): request.carrying(sessionToken: token)
        case .bearer(let token): request.carrying(bearer: token)
        }
    }

    private nonisolated func isRefused(_ response: HTTPResponse, _ request: HTTPRequest) -> Bool {
        response.status == 401 && Answer(response)?.action(operation: request.operation, bearerSent: true) == .refresh
    }

    /// What a request goes out with, and in which epoch it does.
    private func credential(for request: HTTPRequest, _ refusesSignedIn: Bool) async throws(SessionError) -> (Credential, epoch: Int) {
        if refusesSignedIn { try refuseSignedIn() }
        let credential = try await credential(for: request)
        return (credential, epoch)
    }

    /// Refuses to begin where somebody is signed in, as the server does with a password.
    func refuseSignedIn() throws(SessionError) {
        if try load() != nil { throw .alreadySignedIn }
    }

    private func credential(for request: HTTPRequest) async throws(SessionError) -> Credential {
        if case .record = known {} else { try load() }
        guard case .record = known else {
            if let sessionToken { return .sessionToken(sessionToken) }
            guard request.security.contains("") else { throw .signedOut(reason) }
            return .none
        }
        try await options.unlock?.unlock()
        do { return .bearer(try await accessToken()) } catch {
            // The session has just turned out to be over; what needs none goes on without.
            if case .signedOut = error, request.security.contains("") { return .none }
            throw error
        }
    }

    private func note(refused token: String) { shared.refuse(token) }

    /// A token that is refused although it is new counts as a failed refresh; one that is taken
    /// ends the row of failures.
    private func note(_ isRefused: Bool, _ token: String) {
        let now = clock.uptime
        if isRefused {
            shared.refuse(token)
            shared.withBackoff { _ = $0.fail(at: now, retryAfter: nil) }
        } else {
            shared.withBackoff { if $0.remaining(at: now) == nil { $0.reset() } }
        }
    }

    /// Takes from an answer what concerns the session: tokens, a sign-in under way, an end. Of a
    /// request that went out in an earlier epoch it takes nothing.
    private func absorb(
        _ response: HTTPResponse, of request: HTTPRequest, _ credential: Credential, _ asked: TimeInterval, _ sent: Int
    ) async throws(SessionError) {
        guard let answer = Answer(response) else { return }
        if response.status == 200, let access = answer.meta?.accessToken, let refresh = answer.meta?.refreshToken {
            let token = AccessToken(access, askedAt: asked)
            let record = TokenRecord(refreshToken: refresh, userID: answer.userID)
            // In a task of its own: a caller who is cancelled now must not lose the tokens.
            let device = answer.meta?.deviceToken
            return try await Task { await signedIn(record, token, device, sent) }.value.get()
        }
        guard epoch == sent else { return }
        let action = answer.action(operation: request.operation, bearerSent: credential.isBearer)
        switch (action, credential) {
        case (.signOut, .sessionToken(let sent)): if sessionToken == sent { sessionToken = nil }
        case (.signOut, .bearer) where response.status == 200:
            knownDevice.forget() // the account is deleted
            try await signOut()
        case (_, .none), (_, .sessionToken):
            // A sign-in that has come further meanwhile is not given up for one that begins.
            if [200, 401].contains(response.status), let token = answer.meta?.sessionToken, sessionToken == credential.sessionToken {
                sessionToken = token
            }
        default: break
        }
    }

    private func signedIn(_ record: TokenRecord, _ access: AccessToken, _ device: String?, _ sent: Int) async -> Result<Void, SessionError> {
        guard epoch == sent else { return await turnAway(record, access, nil) }
        epoch += 1
        let started = epoch
        let stored: TokenRecord
        do { stored = try await vault.begin(record) } catch { return await turnAway(record, access, SessionError(error)) }
        guard epoch == started else {
            // A sign-out came while it was being stored, and may have found nothing to take away.
            if (try? await vault.remove(stored.idempotencyKey, queue: true)) == nil { voidKey = stored.idempotencyKey }
            return await turnAway(stored, access, nil)
        }
        knownDevice.keep(device)
        known = .record(stored)
        (sessionToken, voidKey) = (nil, nil)
        shared.current = access
        shared.withBackoff { $0.reset() }
        try? options.installMarker?.note(signedIn: true)
        broadcast.send(.signedIn)
        return .success(())
    }

    /// Ends a new session that nobody here could use: it cannot be stored, or came after a sign-out
    /// or another sign-in.
    private func turnAway(_ record: TokenRecord, _ access: AccessToken, _ error: SessionError?) async -> Result<Void, SessionError> {
        await signOuts.add(record, access: access)
        await signOuts.tryNow()
        if let error { return .failure(error) }
        if case .record = known { return .failure(.alreadySignedIn) }
        return .failure(.signedOut(reason))
    }
}
