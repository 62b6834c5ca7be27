import Foundation

/// What a session knows of time: how much has passed. It asks two clocks, because each of them
/// can be wrong: the one that only goes forward stands still in the deep sleep of some devices,
/// and the wall clock jumps when the user or the network sets it.
public protocol SessionClock: Sendable {
    /// Seconds on a clock that only goes forward, if possible also while the device sleeps.
    var uptime: TimeInterval { get }
    /// Seconds on the wall clock, since 1970.
    var wall: TimeInterval { get }
    /// Returns after that many seconds of ``uptime``; throws `CancellationError` when cancelled.
    func sleep(for seconds: TimeInterval) async throws
}

extension SessionClock {
    /// The wall clock of the device.
    public var wall: TimeInterval { Date().timeIntervalSince1970 }

    /// The time by both clocks.
    var moment: Moment { Moment(uptime: uptime, wall: wall) }

    /// Seconds since then: by the clock on which more have passed. A wall clock that jumps ahead
    /// ends the life of a token early, and costs a refresh; one that jumps back changes nothing.
    func elapsed(since then: Moment) -> TimeInterval { max(uptime - then.uptime, wall - then.wall) }
}

/// A time by two clocks.
struct Moment: Hashable, Sendable {
    let uptime, wall: TimeInterval
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
        // It goes on in sleep, and the system does not slew it as it does CLOCK_MONOTONIC.
        clock_gettime(CLOCK_MONOTONIC_RAW, &time)
        #endif
        return TimeInterval(time.tv_sec) + TimeInterval(time.tv_nsec) / 1e9
    }

    /// Suspends the task.
    public func sleep(for seconds: TimeInterval) async throws {
        try await Task.sleep(nanoseconds: UInt64(max(0, seconds) * 1e9))
    }
}
