import Foundation
import LatchkeyAPI

extension Session {
    /// Fetches a new pair of tokens, as an app in the background may do it. Never prompts.
    ///
    /// One refresh is under way at a time: who comes later waits for the same one. After a
    /// failure it fails at once until the time to wait is over.
    public func refresh() async throws(SessionError) {
        _ = try await refreshed(stale: shared.current?.value)
    }

    /// A living access token: the current one, or a new one where it ends soon or was refused.
    func accessToken(refused: String? = nil) async throws(SessionError) -> String {
        if Task.isCancelled { throw .cancelled }
        if let token = shared.other(than: refused), clock.uptime < token.renews { return token.value }
        do { return try await refreshed(stale: shared.current?.value) } catch {
            switch error {
            case .signedOut, .cancelled: throw error
            default:
                // Ahead of its end a token still does.
                guard let token = shared.other(than: refused), clock.uptime < token.expires else { throw error }
                return token.value
            }
        }
    }

    /// Joins the refresh that is under way, or starts one.
    private func refreshed(stale: String?) async throws(SessionError) -> String {
        try await refreshing.join {
            let done = BackgroundActivity.begin("refreshing tokens")
            defer { done() }
            return await self.performRefresh(stale)
        }
    }

    private func performRefresh(_ stale: String?) async -> Result<String, SessionError> {
        do {
            try mayAsk()
            let lease: StoreLease
            do { lease = try await vault.lock(.refresh) } catch { throw SessionError(error) }
            defer { lease.release() }
            // Another session of this process may have been faster.
            if let token = shared.other(than: stale), clock.uptime < token.renews, try load() != nil { return .success(token.value) }
            try mayAsk()
            guard let record = try load() else { throw SessionError.signedOut(reason) }
            return .success(try await spend(record))
        } catch let error as SessionError {
            return .failure(error)
        } catch {
            return .failure(SessionError(error))
        }
    }

    private func mayAsk() throws(SessionError) {
        let now = clock.uptime
        if let seconds = shared.withBackoff({ $0.remaining(at: now) }) {
            throw .unavailable(status: nil, code: nil, retryAfter: seconds)
        }
    }

    /// Spends the record. Where another process was faster, spends what that one stored, once.
    private func spend(_ record: TokenRecord, again: Bool = true) async throws(SessionError) -> String {
        let started = epoch
        let outcome = await refreshCall(record)
        guard epoch == started else { throw .signedOut(reason) }
        switch outcome {
        case .renewed(let access, let refreshToken):
            let next = record.next(refreshToken ?? record.refreshToken)
            switch try await store(next, after: record) {
            case .made(let stored):
                guard epoch == started else { throw .signedOut(reason) }
                known = .record(stored)
                shared.current = access
                shared.withBackoff { $0.pass() }
                return access.value
            case .overtaken(let other): return try await adopt(other, again, nil)
            }
        case .over(let reason): return try await over(record, reason, again)
        case .conflict(let error, let retryAfter):
            if let other = try load(), other.idempotencyKey != record.idempotencyKey { return try await adopt(other, again, nil) }
            throw failed(error, retryAfter)
        case .failed(let error, let retryAfter): throw failed(error, retryAfter)
        }
    }

    /// Notes a failure that says nothing about the session.
    private func failed(_ error: SessionError, _ retryAfter: TimeInterval?) -> SessionError {
        let now = clock.uptime
        shared.withBackoff { _ = $0.fail(at: now, retryAfter: retryAfter) }
        return error
    }

    /// Stores the new pair. A refusal counts as a failed refresh: the next one asks for the same
    /// pair with the same key.
    private func store(_ next: TokenRecord, after record: TokenRecord) async throws(SessionError) -> TokenVault.Change {
        do { return try await vault.replace(record.idempotencyKey, with: next) } catch {
            throw failed(SessionError(error), nil)
        }
    }

    private func over(_ record: TokenRecord, _ reason: EndReason, _ again: Bool) async throws(SessionError) -> String {
        do {
            switch try await vault.remove(record.idempotencyKey, queue: false) {
            case .made: break
            case .overtaken(let other): return try await adopt(other, again, reason)
            }
        } catch let error as SessionError { throw error } catch { voidKey = record.idempotencyKey }
        return try await adopt(nil, false, reason)
    }

    private func adopt(_ other: TokenRecord?, _ again: Bool, _ reason: EndReason?) async throws(SessionError) -> String {
        guard let other else {
            if case .record = known { end(reason) }
            throw .signedOut(self.reason)
        }
        known = .record(other)
        guard again else { throw .unavailable(status: nil, code: nil, retryAfter: nil) }
        return try await spend(other, again: false)
    }
}
