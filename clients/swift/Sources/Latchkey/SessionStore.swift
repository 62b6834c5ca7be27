import Foundation
import LatchkeyAPI

/// What the session does with its store.
extension Session {
    /// Reads the store, and takes notice of what other processes did to it.
    @discardableResult
    func load() throws(SessionError) -> TokenRecord? {
        var record = try read()
        if let voidKey, record?.idempotencyKey == voidKey {
            try? vault.discard(voidKey)
            record = nil
        }
        if case .unread = known { return meet(record) }

        switch (known, record) {
        case (.record(let gone), nil): end(gone.idempotencyKey == leavingKey ? .user : nil)
        case (.nobody, let record?):
            known = .record(record)
            broadcast.send(.signedIn)
        case (_, let record?): known = .record(record)
        case (_, nil): break
        }
        return record
    }

    private func read() throws(SessionError) -> TokenRecord? {
        do {
            let record = try vault.load()
            failedReads = nil
            return record
        } catch {
            // A locked device says nothing about the tokens.
            if error != .locked { failedReads = ((failedReads?.count ?? 0) + 1, failedReads?.since ?? clock.moment) }
            throw SessionError(error)
        }
    }

    /// Whether the user's own action may replace tokens that cannot be read: at once where the app
    /// asks for it, otherwise after three reads over a minute have failed, and none was good.
    func mayReplaceStore(_ error: SessionError, force: Bool) -> Bool {
        guard case .store = error, let failedReads else { return false }
        return force || (failedReads.count >= 3 && clock.elapsed(since: failedReads.since) >= 60)
    }

    /// Takes notice of the end of the session. Called once for each end.
    func end(_ reason: EndReason?) {
        epoch += 1
        known = .nobody(reason)
        user = nil
        if reason?.code == "account_deleted" { knownDevice.forget() }
        shared.begin(with: nil)
        try? marker?.note(signedIn: false)
        broadcast.send(.signedOut(reason))
    }

    /// The first look at the store since launch.
    private func meet(_ record: TokenRecord?) -> TokenRecord? {
        if let record, (try? vault.queued())?.contains(where: { $0.idempotencyKey == record.idempotencyKey }) == true {
            return drop(record, .user) // the process died while it signed out
        }
        known = record.map { .record($0) } ?? .nobody(nil)
        guard let marker, let before = try? marker.wasSignedIn().map({ Optional($0) }) ?? .some(nil) else { return record }
        if before == nil, options.reinstallPolicy == .clear { knownDevice.forget() } // it is of an installation before
        switch (before, record) {
        case (nil, let record?) where options.reinstallPolicy == .clear:
            // The marker first: without it the next launch would clear the next session too.
            guard (try? marker.note(signedIn: false)) != nil else { return record }
            return drop(record, .reinstalled)
        case (true, nil): end(.restored)
        default: try? marker.note(signedIn: record != nil)
        }
        return record
    }

    /// Ends a session that the store should not contain any more.
    private func drop(_ record: TokenRecord, _ reason: EndReason) -> TokenRecord? {
        voidKey = record.idempotencyKey
        end(reason)
        let vault = vault
        Task {
            _ = try? await vault.remove(record.idempotencyKey, queue: true)
            await signOuts.run()
        }
        return nil
    }
}
