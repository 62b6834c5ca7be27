import Foundation
import LatchkeyAPI

/// What all sessions of a process on one store share: the access token, which is nowhere else,
/// and when the server may be asked again.
final class SharedAccess: @unchecked Sendable {
    private let mutex = NSLock()
    private var token: AccessToken?
    private var waits = RefreshWaits()
    private var refusals = Refusals()

    nonisolated(unsafe) private static var all: [String: SharedAccess] = [:]
    private static let registry = NSLock()

    /// The one for a store of that name.
    static func of(_ store: String) -> SharedAccess {
        registry.withLock {
            if let known = all[store] { return known }
            let made = SharedAccess()
            all[store] = made
            return made
        }
    }

    var current: AccessToken? {
        get { mutex.withLock { token } }
        set { mutex.withLock { token = newValue } }
    }

    /// The current token, unless it is that one.
    func other(than stale: String?) -> AccessToken? { current.flatMap { $0.value == stale ? nil : $0 } }

    /// Notes that the server does not accept a token although it should live.
    func refuse(_ value: String) {
        mutex.withLock { if token?.value == value { token = token?.refused } }
    }

    /// Passes where a refresh may be tried now.
    func check(at now: TimeInterval, isUsers: Bool) throws(SessionError) {
        let refusal: SessionError? = mutex.withLock {
            do throws(SessionError) { try waits.check(at: now, isUsers: isUsers) } catch { return error }
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Why the session takes it that it is offline; nil where it does not.
    func silence(at now: TimeInterval) -> TransportError? { mutex.withLock { waits.silence(at: now) } }

    /// Why the last try got no answer; nil where the network was there.
    var lastSilence: TransportError? { mutex.withLock { waits.lastSilence } }

    func withWaits<T>(_ body: (inout RefreshWaits) -> T) -> T { mutex.withLock { body(&waits) } }

    func withRefusals<T>(_ body: (inout Refusals) -> T) -> T { mutex.withLock { body(&refusals) } }

    /// Notes a session that is new or over: nothing of what was before counts for the next one.
    func begin(with token: AccessToken?) {
        mutex.withLock {
            self.token = token
            waits.reset()
            refusals = Refusals()
        }
    }
}
