import Foundation

/// The refreshes that 401s cause. An API that refuses a token although it is new must not make the
/// session refresh for each call: there is a back-off for its origin, and a limit over all
/// origins. Neither concerns a refresh for any other reason, such as the end of the token.
struct Refusals: Sendable {
    static let limit = 6
    static let period: TimeInterval = 600

    private var origins: [String: (backoff: Backoff, token: String)] = [:]
    /// When the server answered refreshes that 401s had caused.
    private var answers: [TimeInterval] = []

    /// Whether a 401 from there may cause a refresh.
    mutating func mayRefresh(for origin: String, at now: TimeInterval) -> Bool {
        answers.removeAll { now - $0 >= Self.period }
        return answers.count < Self.limit && origins[origin]?.backoff.remaining(at: now) == nil
    }

    /// Notes that the server answered a refresh that a 401 had caused.
    mutating func noteRefresh(at now: TimeInterval) { answers.append(now) }

    /// Notes that an origin refuses a token although it is new. Many calls may find it out at once.
    mutating func refuse(_ token: String, by origin: String, at now: TimeInterval) {
        var (backoff, before) = origins[origin] ?? (Backoff(), "")
        guard before != token else { return }
        backoff.fail(at: now, retryAfter: nil)
        origins[origin] = (backoff, token)
    }

    /// Notes that an origin accepts tokens.
    mutating func accept(by origin: String) { origins[origin] = nil }
}
