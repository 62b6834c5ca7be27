import Foundation
import LatchkeyAPI

/// When a refresh may be tried again. A refresh without an answer burdens no server, so that
/// the wait after it is short: 1, 2, 4, 8, then at most 15 s. The wait after an answer protects
/// the server, and nothing shortens it.
struct RefreshWaits: Sendable {
    static let longest: TimeInterval = 15
    /// `NSURLErrorNotConnectedToInternet`.
    private static let notConnected = -1009

    private var answered = Backoff()
    private var silences = 0
    private var silentUntil: TimeInterval = -.infinity
    private var cause: TransportError?
    private var usedFreeTry = false
    /// Whether the app or an adapter said that there is no network.
    private var isOffline = false

    /// Passes where a refresh may be tried now. The user's own action may try once while a wait
    /// after no answer runs.
    mutating func check(at now: TimeInterval, isUsers: Bool) throws(SessionError) {
        if let seconds = answered.remaining(at: now) { throw .unavailable(status: nil, code: nil, retryAfter: seconds) }
        guard let cause = silence(at: now) else { return }
        guard isUsers, !usedFreeTry else { throw .network(cause) }
        usedFreeTry = true
    }

    /// Why there was no answer, while the session does not ask again because of it.
    func silence(at now: TimeInterval) -> TransportError? {
        if isOffline { return cause ?? .network(code: Self.notConnected) }
        return now < silentUntil ? cause : nil
    }

    /// Why the last try got no answer; nil where the network was there.
    var lastSilence: TransportError? { isOffline ? cause ?? .network(code: Self.notConnected) : cause }

    /// Notes that no answer came; `jitter` is between 0 and 1. Returns the seconds to wait.
    @discardableResult
    mutating func noteSilence(_ cause: TransportError, at now: TimeInterval, jitter: Double = .random(in: 0...1)) -> TimeInterval {
        self.cause = cause
        // The free try of a wait that still runs makes it no longer.
        guard now >= silentUntil else { return silentUntil - now }
        let step = pow(2, Double(min(silences, 4)))
        silences += 1
        usedFreeTry = false
        let delay = min(Self.longest, step * (1 + jitter / 2))
        silentUntil = now + delay
        return delay
    }

    /// Notes an answer that brought no tokens, or tokens that could not be stored.
    mutating func noteAnswer(at now: TimeInterval, retryAfter: TimeInterval?) {
        hear()
        answered.fail(at: now, retryAfter: retryAfter)
    }

    /// Notes new tokens, which have still to prove themselves.
    mutating func pass() {
        hear()
        answered.pass()
    }

    /// Notes that the server accepts the tokens: the next failure is a first one.
    mutating func prove(at now: TimeInterval) {
        hear()
        if answered.remaining(at: now) == nil { answered.reset() }
    }

    /// Notes what is known of the network.
    mutating func setOnline(_ isOnline: Bool) {
        isOffline = !isOnline
        usedFreeTry = false
        if isOnline { hear() }
    }

    /// Forgets everything but that there is no network.
    mutating func reset() {
        let wasOffline = isOffline
        self = RefreshWaits()
        isOffline = wasOffline
    }

    private mutating func hear() {
        silences = 0
        silentUntil = -.infinity
        usedFreeTry = false
        cause = nil
    }
}
