import Foundation
import LatchkeyAPI

extension Session {
    /// Fetches a new pair of tokens, as an app in the background may do it. Never prompts.
    ///
    /// One refresh is under way at a time: who comes later waits for the same one. After a
    /// failure it fails at once until the time to wait is over. A wait after no answer lasts 15 s at
    /// most, and one call of this function may try while it runs.
    public func refresh() async throws(SessionError) {
        _ = try await refreshed(stale: shared.current?.value, isUsers: true)
    }

    /// Tells the session that the network is back: it does not wait any more after no answer. What
    /// the server asked it to wait is waited all the same.
    public nonisolated func online() {
        shared.withWaits { $0.setOnline(true) }
        let signOuts = signOuts
        Task { await signOuts.tryNow() }
    }

    /// Tells the session that there is no network: until ``online()`` calls that need a new access
    /// token fail at once, and all others within two seconds.
    public nonisolated func offline() { shared.withWaits { $0.setOnline(false) } }

    /// A living access token: the current one, or a new one where it ends soon.
    nonisolated func accessToken() async throws(SessionError) -> (value: String, isFresh: Bool) {
        if Task.isCancelled { throw .cancelled }
        if let token = shared.current, token.isYoung(clock) { return (token.value, false) }

        do { return (try await refreshed(stale: shared.current?.value), true) } catch {
            switch error {
            case .signedOut, .cancelled: throw error
            default:
                // Ahead of its end a token is still accepted.
                guard let token = shared.current, token.isAlive(clock) else { throw error }
                return (token.value, false)
            }
        }
    }

    /// Joins the refresh that is under way, or starts one.
    ///
    /// - Parameters:
    ///   - stale: The access token that does not do.
    ///   - isUsers: Whether the user asked for it.
    ///   - isRefused: Whether a 401 is the cause.
    nonisolated func refreshed(stale: String?, isUsers: Bool = false, isRefused: Bool = false) async throws(SessionError) -> String {
        // No call queues behind the user's own try while the session knows that it is offline.
        if !isUsers { try shared.check(at: clock.uptime, isUsers: false) }
        guard !isUsers, let silence = shared.lastSilence else { return try await joined(stale, isUsers, isRefused) }
        // Where the last try got no answer, the next one keeps no call waiting for as long as it takes.
        do { return try await limit(2, clock) { try await self.joined(stale, isUsers, isRefused) } } catch {
            switch error {
            case let error as SessionError: throw error
            case is TransportError: throw .network(silence)
            default: throw .cancelled
            }
        }
    }

    private nonisolated func joined(_ stale: String?, _ isUsers: Bool, _ isRefused: Bool) async throws(SessionError) -> String {
        let activities = options.activities
        return try await refreshing.join {
            let run = RefreshRun()
            let done = activities.begin("refreshing tokens") { run.abort() }
            defer { done() }
            return await run.perform { await self.performRefresh(run, stale, isUsers, isRefused) }
        }
    }

    private func performRefresh(_ run: RefreshRun, _ stale: String?, _ isUsers: Bool, _ isRefused: Bool) async -> Result<String, SessionError> {
        do {
            try shared.check(at: clock.uptime, isUsers: isUsers)
            let lease: StoreLease
            do { lease = try await vault.lock(.refresh) } catch { throw Task.isCancelled ? SessionError.cancelled : SessionError(error) }
            run.keep(lease)
            defer { lease.release() }
            // Another session of this process may have been faster.
            if let token = shared.other(than: stale), token.isYoung(clock), try load() != nil { return .success(token.value) }
            if !isUsers { try shared.check(at: clock.uptime, isUsers: false) }
            guard let record = try load() else { throw SessionError.signedOut(reason) }

            let result: Result<String, SessionError>
            do { result = .success(try await spend(record)) } catch { result = .failure(error) }
            if isRefused { noteRefusedRefresh(result) }
            return result
        } catch let error as SessionError {
            return .failure(error)
        } catch {
            return .failure(SessionError(error))
        }
    }

    /// Counts a refresh that a 401 caused, where the server answered it.
    private func noteRefusedRefresh(_ result: Result<String, SessionError>) {
        switch result {
        case .failure(.network), .failure(.cancelled): break
        default:
            let now = clock.uptime
            shared.withRefusals { $0.noteRefresh(at: now) }
        }
    }

    /// Spends the record. Where another process was faster, spends what that one stored, once.
    private func spend(_ record: TokenRecord, again: Bool = true) async throws(SessionError) -> String {
        let started = epoch
        let outcome = await refreshCall(record)
        guard epoch == started else { throw replaced }
        switch outcome {
        case .renewed(let access, let refreshToken, let user):
            var next = record.next(refreshToken ?? record.refreshToken)
            next.userID = user.id
            switch try await store(next, after: record) {
            case .made(let stored, let over):
                guard epoch == started else { throw replaced }
                known = .record(stored)
                if self.user != user {
                    self.user = user
                    broadcast.sendNews()
                }
                shared.current = access
                shared.withWaits { $0.pass() }
                if record.isStaged == true { broadcast.send(.signedIn) }
                endOnServer(over.map { [$0] } ?? [])
                return access.value
            case .overtaken(let other): return try await takeOver(other, again, nil)
            }
        case .over(let reason): return try await over(record, reason, again)
        case .conflict(let error, let retryAfter):
            if let other = try load(), other.idempotencyKey != record.idempotencyKey { return try await takeOver(other, again, nil) }
            throw failed(error, retryAfter)
        case .failed(let error, let retryAfter): throw failed(error, retryAfter)
        }
    }

    /// Notes a failure that says nothing about the session.
    private func failed(_ error: SessionError, _ retryAfter: TimeInterval?) -> SessionError {
        let now = clock.uptime
        switch error {
        case .cancelled: break
        case .network(let cause): shared.withWaits { _ = $0.noteSilence(cause, at: now) }
        default: shared.withWaits { $0.noteAnswer(at: now, retryAfter: retryAfter) }
        }
        return error
    }

    /// Stores the new pair. A refusal counts as a failed refresh: the next one asks for the same
    /// pair with the same key.
    private func store(_ next: TokenRecord, after record: TokenRecord) async throws(SessionError) -> TokenVault.Change {
        do { return try await vault.replace(record.idempotencyKey, with: next) } catch {
            throw failed(Task.isCancelled ? SessionError.cancelled : SessionError(error), nil)
        }
    }

    private func over(_ record: TokenRecord, _ reason: EndReason, _ again: Bool) async throws(SessionError) -> String {
        if record.isStaged == true { throw await withdraw(record, reason) }
        do {
            switch try await vault.remove(record.idempotencyKey, queue: false) {
            case .made: break
            case .overtaken(let other): return try await takeOver(other, again, reason)
            }
        } catch let error as SessionError { throw error } catch { voidKey = record.idempotencyKey }
        return try await takeOver(nil, false, reason)
    }

    private func takeOver(_ other: TokenRecord?, _ again: Bool, _ reason: EndReason?) async throws(SessionError) -> String {
        guard let other else {
            if case .record = known { end(reason) }
            throw .signedOut(self.reason)
        }
        known = .record(other)
        guard again else { throw .unavailable(status: nil, code: nil, retryAfter: nil) }
        return try await spend(other, again: false)
    }
}
