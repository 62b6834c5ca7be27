import Foundation

/// Where a session keeps its tokens between launches: a few short texts, and locks that hold
/// across all processes that share the store.
///
/// The texts are at most 1,024 bytes each. Implementations only keep them; what they say, and
/// that a torn write loses nothing, is the session's business.
public protocol TokenStore: Sendable {
    /// Names the place: two stores with the same name share their texts.
    var identity: String { get }
    /// Returns a text; nil only where it is certain that there is none.
    func read(_ item: StoreItem) throws(StoreError) -> String?
    /// Puts a text in the place of another, or fails and changes nothing.
    func write(_ text: String, to item: StoreItem) throws(StoreError)
    /// Removes a text; succeeds where there is none.
    func delete(_ item: StoreItem) throws(StoreError)
    /// Takes a lock, or returns nil where somebody else holds it. Never waits.
    func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease?
    /// What tells that the app was installed anew, where the texts outlive the app. None by default.
    var installMarker: (any InstallMarker)? { get }
}

extension TokenStore {
    /// The texts go with the app.
    public var installMarker: (any InstallMarker)? { nil }
}

/// The texts of a ``TokenStore``.
public enum StoreItem: String, CaseIterable, Sendable {
    /// One of two places for the tokens, which are written in turns.
    case slot0 = "slot-0"
    /// The other one.
    case slot1 = "slot-1"
    /// What is needed to tell the server of a sign-out that it does not know of yet.
    case revocation
    /// The same of another session.
    case revocation1 = "revocation-1"
    /// The same of another session.
    case revocation2 = "revocation-2"
    /// The same of another session.
    case revocation3 = "revocation-3"
    /// The device token of the last sign-in. It stays after a sign-out, signs nobody in, and goes with a deleted account.
    case device
}

/// What is locked.
public enum LockScope: String, CaseIterable, Sendable {
    /// Held over a whole refresh, with its network call.
    case refresh = "lock"
    /// Held while the texts are compared and changed.
    case change = "lock-change"
}

/// A lock that is held until ``release()``, or until the process ends.
public final class StoreLease: Sendable {
    private let free: Locked<(@Sendable () -> Void)?>

    /// Makes a lease; the closure is called once.
    public init(free: @escaping @Sendable () -> Void) { self.free = Locked(free) }

    /// Lets go. Another time it does nothing.
    public func release() {
        let free = free.withLock { free in
            defer { free = nil }
            return free
        }
        free?()
    }
}

/// Why a store could not do what it was asked to.
public enum StoreError: Error, Hashable, Sendable {
    /// The device is locked (or was not unlocked since it started): ask again later.
    case locked
    /// The system refused, with its own code.
    case failed(code: Int)
    /// What was written reads back differently.
    case damaged
    /// The text is longer than 1,024 bytes.
    case tooLarge(bytes: Int)
    /// Somebody holds the lock and does not let go.
    case lockUnavailable
}
