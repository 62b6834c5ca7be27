import Foundation

/// A store's texts as records: two slots that are written in turns, so that a torn write leaves
/// the record before it, and changes that happen only where nobody else was faster.
struct TokenVault: Sendable {
    let store: any TokenStore
    /// Real seconds after which a lock that nobody frees is given up.
    let patience: TimeInterval

    /// The outcome of a change that was made on the assumption that a certain record is stored.
    enum Change: Hashable, Sendable {
        case made(TokenRecord)
        /// Another process stored this in the meantime, or took everything away.
        case overtaken(TokenRecord?)
    }

    /// The newest readable record. A slot that is torn counts as empty: the other one has what
    /// was there before. Throws where any slot cannot be read, for it may be the newest.
    func load() throws(StoreError) -> TokenRecord? { try newest()?.record }

    /// Stores the successor of the record named by its key, if that is still what is stored.
    func replace(_ key: String, with next: TokenRecord) async throws(StoreError) -> Change {
        let lease = try await lock(.change)
        defer { lease.release() }
        let current = try newest()
        guard let current, current.record.idempotencyKey == key else { return .overtaken(current?.record) }
        return .made(try put(next, after: current))
    }

    /// Stores the first record of a session, whatever was there before.
    func begin(_ record: TokenRecord) async throws(StoreError) -> TokenRecord {
        let lease = try await lock(.change)
        defer { lease.release() }
        let current = try newest()
        let stored = try put(record, after: current)
        if let current { try store.delete(current.slot) } // somebody's who is not signed in any more
        return stored
    }

    /// Removes the record named by its key, if it is still there; returns what is there instead.
    /// With a queue, notes first that the server has to be told.
    func remove(_ key: String, queue: Bool) async throws(StoreError) -> Change {
        let lease = try await lock(.change)
        defer { lease.release() }
        guard let current = try newest() else { return .overtaken(nil) }
        guard current.record.idempotencyKey == key else { return .overtaken(current.record) }
        if queue {
            // A full disk must not keep anybody signed in; a locked store keeps everything.
            do { try store.write(current.record.text(), to: .revocation) } catch StoreError.locked { throw .locked } catch {}
        }
        // The newest last: a process that dies in between is signed in, not back in the past.
        try store.delete(current.slot.other)
        try store.delete(current.slot)
        return .made(current.record)
    }

    /// Removes the record named by its key at once, or not at all.
    func discard(_ key: String) throws(StoreError) {
        guard let lease = try store.tryLock(.change) else { throw .lockUnavailable }
        defer { lease.release() }
        guard let current = try newest(), current.record.idempotencyKey == key else { return }
        try store.delete(current.slot.other)
        try store.delete(current.slot)
    }

    /// The session that the server has still to be told about.
    func revocation() throws(StoreError) -> TokenRecord? {
        try store.read(.revocation).flatMap { TokenRecord(text: $0) }
    }

    /// Forgets that session, unless it is another one by now.
    func revoked(_ key: String) async throws(StoreError) {
        let lease = try await lock(.change)
        defer { lease.release() }
        if try revocation()?.idempotencyKey == key { try store.delete(.revocation) }
    }

    /// Takes a lock. Polls in real time, not the session's: the holder may be another process.
    func lock(_ scope: LockScope) async throws(StoreError) -> StoreLease {
        let clock = SystemClock()
        let start = clock.uptime
        while true {
            if let lease = try store.tryLock(scope) { return lease }
            guard clock.uptime - start < patience else { throw .lockUnavailable }
            try? await clock.sleep(for: 0.01)
        }
    }

    private func newest() throws(StoreError) -> (record: TokenRecord, slot: StoreItem)? {
        var found: (record: TokenRecord, slot: StoreItem)?
        for slot in [StoreItem.slot0, .slot1] {
            guard let text = try store.read(slot), let record = TokenRecord(text: text) else { continue }
            if record.sequence >= found?.record.sequence ?? 0 { found = (record, slot) }
        }
        return found
    }

    private func put(_ next: TokenRecord, after current: (record: TokenRecord, slot: StoreItem)?) throws(StoreError) -> TokenRecord {
        var next = next
        next.sequence = (current?.record.sequence ?? 0) + 1
        let slot = current?.slot.other ?? .slot0
        let text = try next.text()
        try store.write(text, to: slot)
        guard try store.read(slot) == text else { throw .damaged }
        return next
    }
}

extension StoreItem {
    /// The slot that is written next.
    var other: StoreItem { self == .slot0 ? .slot1 : .slot0 }
}
