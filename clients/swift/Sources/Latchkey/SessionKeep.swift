import Foundation
import LatchkeyAPI

/// How a sign-in becomes the session.
extension Session {
    /// Numbers a sign-in that begins now.
    ///
    /// - Parameters:
    ///   - force: Whether it may replace tokens that cannot be read, whatever the reason.
    ///   - isApart: Whether it replaces what is pending only once it has a pending step of its own.
    /// - Throws: What keeps the store from being read: what the sign-in brings could not be kept.
    func beginSignIn(force: Bool = false, isApart: Bool = false) throws(SessionError) -> SignInAttempt {
        var replacesLostStore = false
        do { try load() } catch {
            guard mayReplaceStore(error, force: force) else { throw error }
            replacesLostStore = true
        }
        beginnings += 1
        newest = beginnings
        return SignInAttempt(number: newest, replacesLostStore: replacesLostStore, isApart: isApart)
    }

    /// Ends every sign-in that has begun: what comes of them is not kept.
    func closeSignIns() {
        pending = nil
        closed = beginnings
        beginnings += 1
        newest = beginnings
    }

    /// Drops the sign-in that waits for its next step, or for an answer. The session that is there
    /// stays.
    public func cancelPending() { closeSignIns() }

    /// Keeps what a sign-in has brought, unless it is not the newest any more.
    func keep(_ new: NewSession, _ ticket: Ticket) async -> Result<Void, SessionError> {
        guard let attempt = ticket.attempt else { return await keepRenewed(new, ticket) }
        guard newest == attempt.number else { return await turnAway(new, nil) }

        let written: TokenVault.Beginning?
        do {
            // Another sign-in may begin while this one waits for the lock.
            written = try await vault.begin(new.record, replacesLost: attempt.replacesLostStore, ends: true) {
                await self.newest == attempt.number
            }
        } catch { return await turnAway(new, SessionError(error)) }

        guard let written else { return await turnAway(new, nil) }
        guard attempt.number > closed else {
            // Race: a sign-out came while it was being stored, and may have found nothing to take away.
            if (try? await vault.remove(written.record.idempotencyKey, queue: true)) == nil { voidKey = written.record.idempotencyKey }
            return await turnAway(new, nil)
        }
        closeSignIns()
        take(new, written)
        return .success(())
    }

    /// Makes a session that has just been stored the one that is there.
    private func take(_ new: NewSession, _ written: TokenVault.Beginning) {
        let access = shared.current
        let ended = written.before.filter { $0.idempotencyKey != voidKey }
        if written.replacedLost { broadcast.send(.signedOut(.storageKeyLost)) }

        epoch += 1
        (voidKey, failedReads) = (nil, nil)
        (known, user) = (.record(written.record), new.user)
        knownDevice.keep(new.device)
        shared.begin(with: new.access)
        try? marker?.note(signedIn: true)
        broadcast.send(.signedIn)
        endOnServer(ended, access: access)
    }

    /// Tells the server of sessions that are over here, in the background.
    func endOnServer(_ records: [TokenRecord], access: AccessToken? = nil) {
        guard let first = records.first else { return }
        let signOuts = signOuts
        Task {
            await signOuts.add(first, access: access)
            for record in records.dropFirst() { await signOuts.add(record, access: nil) }
            await signOuts.tryNow()
        }
    }

    /// Keeps tokens that the server gives to the session that is there, such as with a new password.
    private func keepRenewed(_ new: NewSession, _ ticket: Ticket) async -> Result<Void, SessionError> {
        guard epoch == ticket.epoch else { return await turnAway(new, nil) }

        var record = new.record
        if case .record(let before) = known { record.origin = before.origin }
        let written: TokenVault.Beginning?
        do {
            written = try await vault.begin(record, replacesLost: false, ends: false) { await self.epoch == ticket.epoch }
        } catch { return await turnAway(new, SessionError(error)) }

        guard let written, epoch == ticket.epoch else { return await turnAway(new, nil) }
        epoch += 1
        known = .record(written.record)
        user = new.user ?? user
        shared.begin(with: new.access)
        broadcast.send(.signedIn)
        return .success(())
    }

    /// Ends a new session that is of no use here: it cannot be stored, or came after a sign-out
    /// or another sign-in.
    private func turnAway(_ new: NewSession, _ error: SessionError?) async -> Result<Void, SessionError> {
        await signOuts.add(new.record, access: new.access)
        await signOuts.tryNow()
        return .failure(error ?? .nothingPending)
    }
}
