import Foundation

/// A store's texts as records: two slots that are written in turns, so that a torn write leaves
/// the record before it, and changes that happen only where nobody else was faster.
struct TokenVault: Sendable {
    let store: any TokenStore
    /// Real seconds after which a lock that nobody frees is given up.
    let patience: TimeInterval

    /// The outcome of a change that was made on the assumption that a certain record is stored.
    enum Change: Hashable, Sendable {
        /// `over`: the session that a token which the app handed over has replaced.
        case made(TokenRecord, over: TokenRecord?)
        /// Another process stored this in the meantime, or took everything away.
        case overtaken(TokenRecord?)
    }

    /// A session that has begun.
    struct Beginning: Sendable {
        let record: TokenRecord
        /// The sessions that were there before, and are over.
        var before: [TokenRecord] = []
        /// Whether tokens that could not be read were there before.
        var replacedLost = false
    }

    private typealias Slot = (record: TokenRecord, slot: StoreItem)

    /// The newest readable record. A slot that is torn counts as empty: the other one has what
    /// was there before. Throws where any slot cannot be read, for it may be the newest.
    func load() throws(StoreError) -> TokenRecord? { try newest()?.record }

    /// Stores the successor of the record named by its key, if that is still what is stored.
    func replace(_ key: String, with next: TokenRecord) async throws(StoreError) -> Change {
        let lease = try await lock(.change)
        defer { lease.release() }
        let current = try newest()
        guard let current, current.record.idempotencyKey == key else { return .overtaken(current?.record) }

        let over = try beneath(current)
        let stored = try put(next, after: current, over: over)
        // It is a bearer token, and may still work.
        if current.record.isSessionToken == true { try? store.delete(current.slot) }
        return .made(stored, over: over)
    }

    /// Sets right what a process has left that died between two changes.
    func repair() async {
        await dropExchanged()
        await dropSpared()
    }

    /// Takes a session out of the queue that a token which was handed over has not replaced yet: it comes
    /// back where the server refuses the token.
    private func dropSpared() async {
        guard (try? spared()) != nil, let lease = try? await lock(.change) else { return }
        defer { lease.release() }
        if let before = try? spared() { try? dequeue(before.idempotencyKey) }
    }

    private func spared() throws(StoreError) -> TokenRecord? {
        guard let current = try newest(), current.record.isStaged == true, let before = try beneath(current) else { return nil }
        let keys = try queued().map(\.idempotencyKey)
        // Both are queued by a sign-out.
        return keys.contains(before.idempotencyKey) && !keys.contains(current.record.idempotencyKey) ? before : nil
    }

    /// Removes a session token that has been exchanged, where a process died before it could.
    private func dropExchanged() async {
        guard (try? exchanged()) != nil, let lease = try? await lock(.change) else { return }
        defer { lease.release() }
        if let slot = try? exchanged() { try? store.delete(slot) }
    }

    private func exchanged() throws(StoreError) -> StoreItem? {
        guard let current = try newest(), current.record.isSessionToken != true, current.record.isStaged != true,
              let other = try store.read(current.slot.other).flatMap({ TokenRecord(text: $0) }),
              other.isSessionToken == true, other.origin == current.record.origin
        else { return nil }
        return current.slot.other
    }

    /// Stores the first record of a session, whatever was there before, if it is still wanted once
    /// the lock is had. The new record is written first: where that fails, the one before stays.
    ///
    /// - Parameters:
    ///   - replacesLost: Whether it may replace slots that cannot be read.
    ///   - ends: Whether the session before is over by that, and is queued for the server.
    /// - Returns: What was done; nil where it was not wanted any more.
    func begin(
        _ record: TokenRecord, replacesLost: Bool, ends: Bool, ifWanted: @Sendable () async -> Bool
    ) async throws(StoreError) -> Beginning? {
        let lease = try await lock(.change)
        defer { lease.release() }
        guard await ifWanted() else { return nil }

        let current: Slot?
        do { current = try newest() } catch { return try begin(record, over: error, replacesLost) }
        let over = try beneath(current)
        let stored = try put(record, after: current, over: over)
        guard let current else { return Beginning(record: stored) }

        let before = [current.record, over].compactMap { $0 }
        if ends { enqueue(current.record) }
        try? store.delete(current.slot)
        return Beginning(record: stored, before: before)
    }

    /// Stores a token that the app hands over beside the session that is there, which comes back when
    /// the token is withdrawn.
    func stage(_ record: TokenRecord, replacesLost: Bool) async throws(StoreError) -> Beginning {
        let lease = try await lock(.change)
        defer { lease.release() }
        var record = record
        record.isStaged = true

        let current: Slot?
        do { current = try newest() } catch { return try begin(record, over: error, replacesLost) }
        // Of two that are staged the first one is what comes back.
        let over = try beneath(current)
        let stored = try put(record, after: current, over: over)
        return Beginning(record: stored, before: over.map { [$0] } ?? [])
    }

    private func begin(_ record: TokenRecord, over error: StoreError, _ replacesLost: Bool) throws(StoreError) -> Beginning {
        guard replacesLost, error != .locked else { throw error }
        return Beginning(record: try overwrite(with: record), replacedLost: true)
    }

    /// Removes a staged record, if it is still the newest; returns what is there then.
    func withdraw(_ key: String) async throws(StoreError) -> TokenRecord? {
        let lease = try await lock(.change)
        defer { lease.release() }
        if let current = try newest(), current.record.idempotencyKey == key {
            if let before = try beneath(current) { try? dequeue(before.idempotencyKey) }
            try store.delete(current.slot)
        }
        return try newest()?.record
    }

    /// Removes the record named by its key, if it is still there; returns what is there instead.
    /// With a queue, notes first that the server has to be told.
    func remove(_ key: String, queue: Bool) async throws(StoreError) -> Change {
        let lease = try await lock(.change)
        defer { lease.release() }
        guard let current = try newest() else { return .overtaken(nil) }
        guard current.record.idempotencyKey == key else { return .overtaken(current.record) }

        let over = queue ? try beneath(current) : nil
        if queue {
            // A full disk must not keep anybody signed in; a locked store keeps everything. The current one
            // last: in the queue it is over, also where the process dies before the slots are empty.
            for record in [over, current.record].compactMap({ $0 }) {
                do { try tryEnqueue(record) } catch StoreError.locked { throw .locked } catch {}
            }
        }
        try empty(current)
        return .made(current.record, over: over)
    }

    /// Empties both slots. The newest last: a process that dies in between is signed in, not back in the past.
    private func empty(_ current: Slot) throws(StoreError) {
        try store.delete(current.slot.other)
        try store.delete(current.slot)
    }

    /// Removes the record named by its key at once, or not at all.
    func discard(_ key: String) throws(StoreError) {
        guard let lease = try store.tryLock(.change) else { throw .lockUnavailable }
        defer { lease.release() }
        guard let current = try newest(), current.record.idempotencyKey == key else { return }
        try empty(current)
    }

    /// Empties both slots, whether they can be read or not.
    func erase() async throws(StoreError) {
        let lease = try await lock(.change)
        defer { lease.release() }
        for slot in [StoreItem.slot0, .slot1] {
            // A text that can be read takes the place of one that cannot, which some stores do not delete.
            try store.write("", to: slot)
            try store.delete(slot)
        }
    }

    /// Takes a lock. Polls in real time, not the session's: the other one may be another process.
    func lock(_ scope: LockScope) async throws(StoreError) -> StoreLease {
        let clock = SystemClock()
        let start = clock.uptime
        while true {
            if let lease = try store.tryLock(scope) { return lease }
            guard clock.uptime - start < patience, !Task.isCancelled else { throw .lockUnavailable }
            try? await clock.sleep(for: 0.01)
        }
    }

    private func newest() throws(StoreError) -> Slot? {
        var found: Slot?
        for slot in [StoreItem.slot0, .slot1] {
            guard let text = try store.read(slot), let record = TokenRecord(text: text) else { continue }
            if record.sequence >= found?.record.sequence ?? 0 { found = (record, slot) }
        }
        return found
    }

    /// The session that the newest record has replaced, where it is still in the other slot: for now,
    /// by a staged record, or because a process died between the write and the rest.
    private func beneath(_ current: Slot?) throws(StoreError) -> TokenRecord? {
        guard let current, let other = try store.read(current.slot.other).flatMap({ TokenRecord(text: $0) }) else { return nil }
        return current.record.isStaged == true || !other.isOfSession(of: current.record) ? other : nil
    }

    /// Writes a record into both slots: one of them that could be read again later would be newer.
    private func overwrite(with record: TokenRecord) throws(StoreError) -> TokenRecord {
        var record = record
        record.sequence = 1
        let text = try record.text()
        for slot in [StoreItem.slot0, .slot1] { try store.write(text, to: slot) }
        for slot in [StoreItem.slot0, .slot1] where try store.read(slot) != text { throw .damaged }
        // One is enough: beneath a staged record another one is a session.
        try store.delete(.slot1)
        return record
    }

    /// Writes a record into the slot that has none, or `over`: the session that the current record has
    /// replaced. That one is queued first, since the write leaves nothing of it.
    private func put(_ next: TokenRecord, after current: Slot?, over: TokenRecord?) throws(StoreError) -> TokenRecord {
        guard let over else { return try put(next, after: current) }
        enqueue(over)
        do { return try put(next, after: current) } catch {
            if (try? beneath(current)) == over { try? dequeue(over.idempotencyKey) }
            throw error
        }
    }

    private func put(_ next: TokenRecord, after current: Slot?) throws(StoreError) -> TokenRecord {
        var next = next
        next.sequence = (current?.record.sequence ?? 0) + 1
        let slot = current?.slot.other ?? .slot0
        let text = try next.text()
        try store.write(text, to: slot)
        guard try store.read(slot) == text else { throw .damaged }
        return next
    }
}

/// The sessions that the server has still to be told of.
extension TokenVault {
    /// Those that are stored.
    func queued() throws(StoreError) -> [TokenRecord] {
        var records: [TokenRecord] = []
        for item in StoreItem.revocations {
            if let record = try store.read(item).flatMap({ TokenRecord(text: $0) }) { records.append(record) }
        }
        return records
    }

    /// Stores one, where there is a place for it; says whether it is stored.
    func store(revocation record: TokenRecord) async -> Bool {
        guard let lease = try? await lock(.change) else { return false }
        defer { lease.release() }
        enqueue(record)
        return (try? queued())?.contains { $0.idempotencyKey == record.idempotencyKey } == true
    }

    /// Forgets one that the server was told of, also in the slots, where a process died while it signed out.
    func revoked(_ key: String) async throws(StoreError) {
        let lease = try await lock(.change)
        defer { lease.release() }
        if let current = try newest(), current.record.idempotencyKey == key { try empty(current) }
        try dequeue(key)
    }

    private func dequeue(_ key: String) throws(StoreError) {
        for item in StoreItem.revocations {
            guard let record = try store.read(item).flatMap({ TokenRecord(text: $0) }), record.idempotencyKey == key else { continue }
            try store.delete(item)
        }
    }

    /// Stores one; the caller has the lock. The server learns of a further one from memory.
    private func enqueue(_ record: TokenRecord) { try? tryEnqueue(record) }

    private func tryEnqueue(_ record: TokenRecord) throws(StoreError) {
        let text = try record.text()
        var free: StoreItem?
        for item in StoreItem.revocations {
            let found = try store.read(item).flatMap { TokenRecord(text: $0) }
            if found?.idempotencyKey == record.idempotencyKey { return }
            if found == nil, free == nil { free = item }
        }
        if let free { try store.write(text, to: free) }
    }
}

extension StoreItem {
    /// The slot that is written next.
    var other: StoreItem { self == .slot0 ? .slot1 : .slot0 }

    /// The places for sessions that the server has still to be told of.
    static let revocations: [StoreItem] = [.revocation, .revocation1, .revocation2, .revocation3]
}
