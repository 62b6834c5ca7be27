import Foundation

/// Asks the system to let the process run while a refresh is under way. Losing that race loses
/// nothing: the next launch sends the same token with the same key.
package struct BackgroundActivities: Sendable {
    /// Begins one, with what is to be stopped when the system suspends the process; the closure that
    /// it returns ends it.
    package var begin: @Sendable (_ reason: String, _ expired: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    package init(begin: @escaping @Sendable (String, @escaping @Sendable () -> Void) -> @Sendable () -> Void) { self.begin = begin }

    /// Those of the system.
    package static let system = BackgroundActivities { reason, expired in
        #if os(iOS) || os(tvOS) || os(watchOS) || os(visionOS)
        let done = DispatchSemaphore(value: 0)
        ProcessInfo.processInfo.performExpiringActivity(withReason: reason) { isExpired in
            guard isExpired else { return done.wait() }
            // The process is suspended as soon as this returns.
            expired()
            done.signal()
        }
        return { done.signal() }
        #else
        return {}
        #endif
    }
}

/// How long a request may take.
enum RequestLimit {
    static let ofApp: TimeInterval = 15
    /// An extension has some seconds in all.
    static let ofExtension: TimeInterval = 5

    static func seconds(forBundleAt path: String) -> TimeInterval { path.hasSuffix(".appex") ? ofExtension : ofApp }
}
