import Foundation

/// What a session knows of time: how much has passed, never what time it is. A device clock
/// that is off by years therefore changes nothing.
public protocol SessionClock: Sendable {
    /// Seconds on a clock that only goes forward, also while the device sleeps.
    var uptime: TimeInterval { get }
    /// Returns after that many seconds of ``uptime``; throws `CancellationError` when cancelled.
    func sleep(for seconds: TimeInterval) async throws
}

/// The device's own clock.
public struct SystemClock: SessionClock {
    /// Makes one.
    public init() {}

    /// Seconds since the device was started.
    public var uptime: TimeInterval {
        var time = timespec()
        #if os(Linux)
        clock_gettime(CLOCK_BOOTTIME, &time)
        #else
        clock_gettime(CLOCK_MONOTONIC, &time) // on Apple's systems it goes on in sleep
        #endif
        return TimeInterval(time.tv_sec) + TimeInterval(time.tv_nsec) / 1e9
    }

    /// Suspends the task.
    public func sleep(for seconds: TimeInterval) async throws {
        try await Task.sleep(nanoseconds: UInt64(max(0, seconds) * 1e9))
    }
}
