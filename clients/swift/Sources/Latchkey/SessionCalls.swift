import Foundation
import LatchkeyAPI

extension Session {
    enum Credential: Sendable {
        case none
        case sessionToken(String)
        /// `isFresh`: it was fetched for this very request.
        case bearer(String, isFresh: Bool)

        var isBearer: Bool { if case .bearer = self { true } else { false } }
    }

    /// A request that may go out, with what was known when it was made.
    struct Ticket: Sendable {
        var credential: Credential
        /// The sign-in that it belongs to; nil for a request of the session.
        let attempt: SignInAttempt?
        let role: SignInRole
        let epoch: Int
        /// How many sign-ins had begun.
        let beginnings: Int
    }

    /// Sends an operation with the session's credential; refreshes and repeats it once at most.
    nonisolated func authenticate(
        _ request: HTTPRequest, _ attempt: SignInAttempt?, _ next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        var ticket = try await ticket(for: request, attempt)
        let asked = clock.moment
        var response = try await send(request, ticket.credential, next)
        if case .bearer(let token, let isFresh) = ticket.credential {
            var used = token
            if !isFresh, isRefused(response, request), let renewed = try await renew(token, refusedBy: server.origin) {
                used = renewed
                ticket.credential = .bearer(renewed, isFresh: true)
                response = try await send(request, ticket.credential, next)
            }
            if case .bearer(_, true) = ticket.credential { note(isRefused(response, request), used, server.origin) }
            if !isRefused(response, request) { note(accepted: server.origin) }
        }
        try await absorb(response, of: request, ticket, asked)
        return response
    }

    private nonisolated func send(
        _ request: HTTPRequest, _ credential: Credential, _ next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        switch credential {
        case .none: try await next(request)
        case .sessionToken(let token): try await next(request.carrying(sessionToken: token))
        case .bearer(let token, _): try await quickly { try await next(request.carrying(bearer: token)) }
        }
    }

    /// Gives a call two seconds where the session knows that it is offline.
    nonisolated func quickly<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        guard shared.silence(at: clock.uptime) != nil else { return try await body() }
        return try await limit(2, clock, body)
    }

    private nonisolated func isRefused(_ response: HTTPResponse, _ request: HTTPRequest) -> Bool {
        response.status == 401 && Answer(response)?.action(operation: request.operation, bearerSent: true) == .refresh
    }

    /// A token to repeat a request with that an origin refused; nil where it may not cause a refresh.
    nonisolated func renew(_ token: String, refusedBy origin: String) async throws(SessionError) -> String? {
        if let other = shared.other(than: token), other.isYoung(clock) { return other.value }
        let now = clock.uptime
        guard shared.withRefusals({ $0.mayRefresh(for: origin, at: now) }) else { return nil }
        if origin == server.origin { shared.refuse(token) }
        return try await refreshed(stale: token, isRefused: true)
    }

    /// Notes whether an origin accepts a token that is new.
    nonisolated func note(_ isRefused: Bool, _ token: String, _ origin: String) {
        let now = clock.uptime
        shared.withRefusals {
            if isRefused { $0.refuse(token, by: origin, at: now) } else { $0.accept(by: origin) }
        }
    }

    /// Notes that the server answered a call with a token: its next failure is a first one.
    nonisolated func note(accepted origin: String) {
        guard origin == server.origin else { return }
        let now = clock.uptime
        shared.withWaits { $0.prove(at: now) }
    }

    /// What a request goes out with.
    private func ticket(for request: HTTPRequest, _ given: SignInAttempt?) async throws(SessionError) -> Ticket {
        let role = SignInRole(request)
        if let given { return ticket(given, role) }
        switch role {
        case .begins: return ticket(try beginSignIn(), role)
        case .goesOn(let flow, let only):
            let isSignedIn = try isSignedIn(beside: pending)
            if let pending, only || !isSignedIn || pending.flows.contains(flow) {
                newest = pending.attempt.number
                return ticket(pending.attempt, role)
            }
            // With a session it would be a step of that, which the server ends for it.
            if only { throw .nothingPending }
        case .none:
            if let pending, try !isSignedIn(beside: pending) { return ticket(pending.attempt, role) }
        }
        let credential = try await credential(for: request)
        let attempt = credential.isBearer ? nil : SignInAttempt(number: newest)
        return Ticket(credential: credential, attempt: attempt, role: role, epoch: epoch, beginnings: beginnings)
    }

    private func ticket(_ attempt: SignInAttempt, _ role: SignInRole) -> Ticket {
        let credential = attempt.sessionToken.map { Credential.sessionToken($0) } ?? .none
        return Ticket(credential: credential, attempt: attempt, role: role, epoch: epoch, beginnings: beginnings)
    }

    /// Whether there is a session. To a step of a sign-in that may replace tokens which cannot be read, they
    /// are none.
    private func isSignedIn(beside pending: PendingSignIn?) throws(SessionError) -> Bool {
        do { return try isSignedIn() } catch {
            guard case .store = error, pending?.attempt.replacesLostStore == true else { throw error }
            return false
        }
    }

    private func isSignedIn() throws(SessionError) -> Bool {
        if case .record = known { return true }
        return try load() != nil
    }

    private func credential(for request: HTTPRequest) async throws(SessionError) -> Credential {
        guard try isSignedIn() else {
            guard request.security.contains("") else { throw .signedOut(reason) }
            return .none
        }
        try await options.unlock?.unlock()
        do {
            let token = try await accessToken()
            return .bearer(token.value, isFresh: token.isFresh)
        } catch {
            // The session has just turned out to be over; what needs none goes on without.
            if case .signedOut = error, request.security.contains(""), request.operation != "submitProviderToken" { return .none }
            throw error
        }
    }

    /// Takes from an answer what concerns the session: tokens, a sign-in that goes on, an end.
    private func absorb(
        _ response: HTTPResponse, of request: HTTPRequest, _ ticket: Ticket, _ asked: Moment
    ) async throws(SessionError) {
        guard let answer = Answer(response) else { return }
        if response.status == 200, let new = NewSession(answer, asked) {
            // In a task of its own: a caller who is cancelled now must not lose the tokens.
            return try await Task { await keep(new, ticket) }.value.get()
        }

        let action = answer.action(operation: request.operation, bearerSent: ticket.credential.isBearer)
        if let attempt = ticket.attempt { return try follow(attempt, answer, action, request, ticket.role) }
        if (200...299).contains(response.status), let flow = SignInRole.flowTaken(by: request.operation),
           let number = pending?.attempt.number, number <= ticket.beginnings {
            pending?.flows.remove(flow)
        }
        if action == .signOut, response.status == 200, epoch == ticket.epoch {
            knownDevice.forget() // the account is deleted
            try await signOut()
        }
    }

    /// Notes how far an answer has brought a sign-in, or that it is over.
    private func follow(
        _ attempt: SignInAttempt, _ answer: Answer, _ action: ClientAction, _ request: HTTPRequest, _ role: SignInRole
    ) throws(SessionError) {
        let flows = Set(answer.flows.filter { $0.isPending == true }.map(\.id))
        let isPending = pending?.attempt === attempt
        if isOver(answer, action, request, role) {
            if isPending { pending = nil }
            return
        }

        let token = [200, 401].contains(answer.status) ? answer.meta?.sessionToken : nil
        if let token { attempt.sessionToken = token }
        let isUnderWay = action == .continueFlow || (token != nil && !attempt.isApart)
        guard isUnderWay, attempt.sessionToken != nil else { return }
        guard newest == attempt.number else {
            // Race: another sign-in has begun since, or the user has signed out.
            if action == .continueFlow { throw .nothingPending }
            return
        }
        pending = PendingSignIn(attempt: attempt, flows: flows)
    }

    /// Whether the server says that a sign-in is over.
    private func isOver(_ answer: Answer, _ action: ClientAction, _ request: HTTPRequest, _ role: SignInRole) -> Bool {
        guard case .goesOn(let flow, _) = role else { return answer.status == 410 }
        switch answer.status {
        case 410: return true
        case 401: return action != .continueFlow && !SignInRole.endsIn401.contains(request.operation)
        // Of a step whose flow is not pending it is the expected answer.
        case 409: return answer.errors?.first?.code == "flow_not_pending" && pending?.flows.contains(flow) == true
        default: return false
        }
    }
}

/// What an answer that signs in carries.
///
/// Its description shows no token.
struct NewSession: Sendable, CustomReflectable {
    let record: TokenRecord
    let access: AccessToken
    let user: User?
    let device: String?

    init?(_ answer: Answer, _ asked: Moment) {
        guard let access = answer.meta?.accessToken, let refresh = answer.meta?.refreshToken else { return nil }
        record = TokenRecord(refreshToken: refresh, userID: answer.userID)
        self.access = AccessToken(access, askedAt: asked)
        user = answer.user
        device = answer.meta?.deviceToken
    }

    var customMirror: Mirror { Mirror(self, children: []) }
}
