import Foundation

/// Asks the system to let the process run while a refresh is under way. Losing that race loses
/// nothing: the next launch sends the same token with the same key.
enum BackgroundActivity {
    /// Begins one; the closure that it returns ends it.
    static func begin(_ reason: String) -> @Sendable () -> Void {
        #if os(iOS) || os(tvOS) || os(watchOS)
        let done = DispatchSemaphore(value: 0)
        ProcessInfo.processInfo.performExpiringActivity(withReason: reason) { expired in
            if expired { done.signal() } else { done.wait() }
        }
        return { done.signal() }
        #else
        return {}
        #endif
    }
}
