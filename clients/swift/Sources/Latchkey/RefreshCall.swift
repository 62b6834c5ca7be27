import Foundation
import LatchkeyAPI

/// Spends a refresh token, or exchanges a session token: one call, by the table of `openapi.yaml`.
struct RefreshCall: Sendable {
    enum Outcome: Sendable {
        /// The refresh token is absent where the server does not rotate.
        case renewed(access: AccessToken, refreshToken: String?, user: User)
        /// The server says, in our JSON and with a code for it, that the session is over.
        case over(EndReason)
        /// Another call of this session was faster: the store may hold another token by now.
        case conflict(SessionError, retryAfter: TimeInterval)
        /// Nothing is known about the session.
        case failed(SessionError, retryAfter: TimeInterval?)
    }

    /// The reason where the server does not know a session token, or it is good for nothing.
    static let unknownSession = "session_token_invalid"

    /// What sends, without credentials of its own: a refresh never asks for a refresh.
    let transport: any Transport
    var middlewares: [any Middleware] = []
    let clock: any SessionClock

    func callAsFunction(_ record: TokenRecord) async -> Outcome {
        let asked = clock.moment
        do {
            if record.isSessionToken == true { return try await exchange(record, asked) }
            let client = Client(transport: transport, middlewares: middlewares)
            return judge(try await client.refreshToken(.init(
                idempotencyKey: record.idempotencyKey, body: RefreshTokenRequest(refresh: record.refreshToken))), asked)
        } catch {
            if case .undocumented(_, let response) = error {
                return .failed(.undocumented(status: response.status), retryAfter: response.retryAfter)
            }
            return .failed(error.session, retryAfter: nil)
        }
    }

    private func exchange(_ record: TokenRecord, _ asked: Moment) async throws(ClientError) -> Outcome {
        let operation = "exchangeSessionToken"
        let client = Client(transport: transport, middlewares: middlewares + [SessionTokenHeader(token: record.refreshToken)])
        switch try await client.exchangeSessionToken(.init(idempotencyKey: record.idempotencyKey)) {
        case .ok(let answer):
            guard answer.status == 200, let access = answer.meta.accessToken, !access.isEmpty,
                  let refresh = answer.meta.refreshToken, !refresh.isEmpty
            else { return .failed(.undocumented(status: 200), retryAfter: nil) }
            return .renewed(access: AccessToken(access, askedAt: asked), refreshToken: refresh, user: answer.data.user)
        case .badRequest(let problem): return refused(400, problem, operation: operation)
        case .unauthorized(let answer): return over(401, answer)
        case .conflict(let problem, let seconds): return refused(409, problem, TimeInterval(seconds), operation: operation)
        case .gone(let answer): return over(410, answer)
        case .serviceUnavailable(let problem, let seconds):
            return refused(503, problem, TimeInterval(seconds), operation: operation)
        case .undocumented(let response):
            return .failed(.undocumented(status: response.status), retryAfter: response.retryAfter)
        }
    }

    /// A session token that is refused: 401 where it has ended, or is of a sign-in that is not finished.
    private func over(_ status: Int, _ answer: UnauthenticatedResponse) -> Outcome {
        guard answer.status == status else { return .failed(.undocumented(status: status), retryAfter: nil) }
        let at = answer.meta.endedAt.map { Date(timeIntervalSince1970: $0) }
        return .over(EndReason(code: answer.meta.endReason ?? Self.unknownSession, endedAt: at))
    }

    private func judge(_ output: Operations.RefreshToken.Output, _ asked: Moment) -> Outcome {
        switch output {
        case .ok(let answer):
            guard answer.status == 200, let access = answer.meta.accessToken, !access.isEmpty else {
                return .failed(.undocumented(status: 200), retryAfter: nil)
            }
            return .renewed(access: AccessToken(access, askedAt: asked), refreshToken: answer.meta.refreshToken, user: answer.data.user)
        case .badRequest(let problem): return refused(400, problem)
        case .conflict(let problem, let seconds): return refused(409, problem, TimeInterval(seconds))
        case .contentTooLarge(let problem): return refused(413, problem)
        case .unsupportedMediaType(let problem): return refused(415, problem)
        case .serviceUnavailable(let problem, let seconds): return refused(503, problem, TimeInterval(seconds))
        case .undocumented(let response):
            return .failed(.undocumented(status: response.status), retryAfter: response.retryAfter)
        }
    }

    private func refused(
        _ status: Int, _ problem: ErrorResponse, _ retryAfter: TimeInterval? = nil, operation: String = "refreshToken"
    ) -> Outcome {
        guard problem.status == status else { return .failed(.undocumented(status: status), retryAfter: retryAfter) }
        let code = problem.errors?.first?.code
        let action = ClientActions.action(operation: operation, status: status, facts: AnswerFacts(code: code))
        if action == .signOut, let code {
            let at = problem.meta?.endedAt.map { Date(timeIntervalSince1970: $0) }
            return .over(EndReason(code: code, endedAt: at))
        }
        let error = SessionError.answer(status, problem, operation: operation, retryAfter: retryAfter.map { Int($0) })
        if action == .reread { return .conflict(error, retryAfter: retryAfter ?? 0) }
        return .failed(error, retryAfter: retryAfter)
    }
}
