import Foundation
import LatchkeyAPI

/// Tells the server of sign-outs, as soon as it can be told: now, after a while, or at the next
/// launch. What it needs for that stays in the store until it is done.
actor SignOutQueue: CustomReflectable {
    /// A mirror without secrets.
    nonisolated var customMirror: Mirror { Mirror(self, children: []) }

    private let vault: TokenVault
    private let transport: any Transport
    private let clock: any SessionClock
    private let refresh: RefreshCall
    /// Tokens that are in memory only, by the key of their record.
    private var access: [String: AccessToken] = [:]
    /// Sessions that the store does not know of.
    private var unstored: [TokenRecord] = []
    private let attempt = SharedWork<Void>()
    private var isRunning = false

    // Nobody waits for these calls, so they have the transport's own time-out and no other.
    init(vault: TokenVault, transport: any Transport, clock: any SessionClock) {
        (self.vault, self.transport, self.clock) = (vault, transport, clock)
        refresh = RefreshCall(transport: transport, clock: clock)
    }

    /// Adds a session that is over here, stored or not.
    func add(_ record: TokenRecord, access token: AccessToken?) async {
        access[record.idempotencyKey] = token
        if (try? vault.queued())?.contains(where: { $0.idempotencyKey == record.idempotencyKey }) == true { return }
        if await !vault.store(revocation: record) { unstored.append(record) }
    }

    /// Tries once, and gives it two seconds; goes on by itself where that does not do.
    func tryNow() async {
        do {
            try await limit(2, clock) { try await self.attemptAll() }
        } catch { Task { await run() } }
    }

    /// Tries until everything is told, with growing pauses.
    func run() async {
        guard !isRunning else { return }
        isRunning = true
        defer { isRunning = false }
        var backoff = Backoff()
        while true {
            do { return try await attemptAll() } catch {
                let pause = backoff.fail(at: clock.uptime, retryAfter: nil)
                do { try await clock.sleep(for: pause) } catch { return }
            }
        }
    }

    /// Joins the attempt that is under way. That one may have been over but for its outcome when a
    /// session was added: then there is another.
    private func attemptAll() async throws {
        repeat { try await attempt.join { await self.tellAll() } } while try !waiting().isEmpty
    }

    private func waiting() throws -> [TokenRecord] { try unstored + vault.queued() }

    /// Tells the server of all. One that cannot be told keeps none of the others from it.
    private func tellAll() async -> Result<Void, SessionError> {
        do {
            while true {
                let records = try waiting()
                if records.isEmpty { return .success(()) }

                var failure: (any Error)?
                for record in records {
                    do { try await tell(record) } catch { failure = failure ?? error }
                }
                if let failure { throw failure }
            }
        } catch { return .failure(SessionError(error)) }
    }

    private func tell(_ record: TokenRecord) async throws {
        let key = record.idempotencyKey
        // The answer does not tell whether the token was taken: a dead one ends nothing.
        if let token = access[key], token.isYoung(clock) {
            try await end(with: token.value)
            return try await done(key)
        }
        switch await refresh(record) {
        case .renewed(let token, _, _): try await end(with: token.value)
        case .over: break
        case .conflict(let error, _), .failed(let error, _): throw error
        }
        try await done(key)
    }

    /// Ends the session of an access token. A plain 401 is the answer of success.
    private func end(with token: String) async throws {
        let client = Client(transport: transport, middlewares: [Bearer(token: token)])
        switch try await client.endSession(.init()) {
        case .unauthorized(let answer) where answer.status == 401: return
        case .unauthorized, .gone: throw SessionError.undocumented(status: 401)
        case .serviceUnavailable: throw SessionError.unavailable(status: 503, code: nil, retryAfter: nil)
        case .badRequest, .contentTooLarge, .unsupportedMediaType: throw SessionError.undocumented(status: 400)
        case .undocumented(let response): throw SessionError.undocumented(status: response.status)
        }
    }

    private func done(_ key: String) async throws {
        access[key] = nil
        unstored.removeAll { $0.idempotencyKey == key }
        try await vault.revoked(key)
    }
}
