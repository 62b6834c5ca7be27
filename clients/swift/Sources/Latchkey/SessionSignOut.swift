import Foundation
import LatchkeyAPI

extension Session {
    /// Signs out: the local copies go at once, and so does a sign-in that is under way. Then the session
    /// tells the server, which may take two seconds here; where it takes longer it goes on by itself,
    /// also in the next launch. A user who signs in while this goes on stays signed in.
    ///
    /// - Parameter force: Whether stored tokens that cannot be read may be removed at once.
    /// - Throws: ``SessionError/locked`` or ``SessionError/store(_:)`` where the copies could not
    ///   be removed. The user is signed out all the same; the session removes them as soon as
    ///   it can, while the app runs.
    public func signOut(force: Bool = false) async throws(SessionError) {
        closeSignIns()
        epoch += 1 // what is under way brings nothing back
        let started = epoch
        let found: TokenRecord?
        do { found = try load() } catch {
            if mayReplaceStore(error, force: force) { return try await giveUpStore() }
            guard case .record(let record) = known else { throw error }
            found = record
        }
        guard let record = found else { return }

        let access = shared.current
        leavingKey = record.idempotencyKey
        let result = await Task { await takeAway(record, started) }.value
        leavingKey = nil
        if case .failure = result, epoch == started { voidKey = record.idempotencyKey }
        // Another session may be there by now, or the end has been noticed already.
        if epoch == started { end(.user) }
        if let removed = (try? result.get()) ?? (voidKey == record.idempotencyKey ? record : nil) {
            await signOuts.add(removed, access: access)
            await signOuts.tryNow()
        }
        _ = try result.get()
    }

    private func takeAway(_ record: TokenRecord, _ started: Int) async -> Result<TokenRecord?, SessionError> {
        var record = record
        while true {
            do {
                switch try await vault.remove(record.idempotencyKey, queue: true) {
                case .made(let removed, let over):
                    endOnServer(over.map { [$0] } ?? [])
                    return .success(removed)
                case .overtaken(nil): return .success(nil)
                case .overtaken(let other?):
                    // Another session began since; else another process has refreshed it.
                    guard epoch == started, other.isOfSession(of: record) else { return .success(nil) }
                    record = other
                }
            } catch { return .failure(SessionError(error)) }
        }
    }

    /// Removes tokens that nobody can read any more.
    private func giveUpStore() async throws(SessionError) {
        do { try await vault.erase() } catch { throw SessionError(error) }
        let access = shared.current
        failedReads = nil
        guard case .record(let record) = known else { return end(.storageKeyLost) }
        end(.storageKeyLost)
        await signOuts.add(record, access: access)
        await signOuts.tryNow()
    }
}
