import Foundation

/// When the server may be asked again after it answered a refresh and gave no tokens: 2, 8, 32,
/// 128, then 300 s after a failure and up to half as much more, and never before `Retry-After` (at
/// most an hour). That is at most six tries in ten minutes.
struct Backoff: Sendable {
    private var failures = 0
    private var notBefore: TimeInterval = -.infinity

    /// Seconds left at that uptime; nil where one may try.
    func remaining(at uptime: TimeInterval) -> TimeInterval? {
        uptime < notBefore ? notBefore - uptime : nil
    }

    /// Notes a failure; `jitter` is between 0 and 1. Returns the seconds to wait.
    @discardableResult
    mutating func fail(at uptime: TimeInterval, retryAfter: TimeInterval?, jitter: Double = .random(in: 0...1)) -> TimeInterval {
        let step = min(300, 2 * pow(4, Double(min(failures, 8))))
        failures += 1
        let delay = max(step, min(retryAfter ?? 0, 3600)) + step * jitter / 2
        notBefore = uptime + delay
        return delay
    }

    /// A try went well; what it brought has still to prove itself.
    mutating func pass() { notBefore = -.infinity }

    /// All is well: the next failure is a first one.
    mutating func reset() { self = Backoff() }
}
