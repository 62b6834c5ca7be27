import Foundation

/// A store that forgets everything with the process. For tests and short-lived tools.
///
/// Its mirror shows no tokens.
public final class MemoryTokenStore: TokenStore, CustomReflectable, @unchecked Sendable {
    /// A name of its own for each store.
    public let identity = "memory:" + UUID().uuidString
    private let mutex = NSLock()
    private var texts: [StoreItem: String] = [:]
    private var held: Set<LockScope> = []

    /// A mirror without secrets.
    public var customMirror: Mirror { Mirror(self, children: ["identity": identity]) }

    /// Makes an empty store.
    public init() {}

    /// Returns a text.
    public func read(_ item: StoreItem) -> String? { mutex.withLock { texts[item] } }

    /// Replaces a text.
    public func write(_ text: String, to item: StoreItem) { mutex.withLock { texts[item] = text } }

    /// Removes a text.
    public func delete(_ item: StoreItem) { mutex.withLock { texts[item] = nil } }

    /// Takes a lock among the tasks of this process.
    public func tryLock(_ scope: LockScope) -> StoreLease? {
        guard mutex.withLock({ held.insert(scope).inserted }) else { return nil }
        return StoreLease { [self] in _ = mutex.withLock { held.remove(scope) } }
    }
}
