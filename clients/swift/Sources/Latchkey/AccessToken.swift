import Foundation

/// An access token, and how long it lives by the monotonic clock.
struct AccessToken: Hashable, Sendable {
    let value: String
    /// The uptime when it ends; infinite where the token does not say how long it lives.
    let expires: TimeInterval
    /// The uptime from which a new one is fetched.
    let renews: TimeInterval

    /// Its life is `exp` − `iat`, two times of the same clock, the server's; it counts from when
    /// the token was asked for.
    init(_ value: String, askedAt uptime: TimeInterval) {
        self.value = value
        let life = Self.life(of: value) ?? .infinity
        expires = uptime + life
        renews = uptime + life - min(30, life / 10)
    }

    private init(_ value: String) {
        self.value = value
        (expires, renews) = (-.infinity, -.infinity)
    }

    /// The same token, known not to be taken any more.
    var refused: AccessToken { AccessToken(value) }

    private struct Claims: Decodable { let iat, exp: Double }

    private static func life(of token: String) -> TimeInterval? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let data = Base64URL(parts[1])?.data, let claims = try? JSONDecoder().decode(Claims.self, from: data),
              claims.exp > claims.iat
        else { return nil }
        return claims.exp - claims.iat
    }
}

/// What all sessions of a process on one store share: the access token, which is nowhere else,
/// and when the server may be asked again.
final class SharedAccess: @unchecked Sendable {
    private let mutex = NSLock()
    private var token: AccessToken?
    private var backoff = Backoff()

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

    /// The current token, unless it is the one that was refused.
    func other(than refused: String?) -> AccessToken? { current.flatMap { $0.value == refused ? nil : $0 } }

    /// Notes that the server does not take a token although it should live.
    func refuse(_ value: String) {
        mutex.withLock { if token?.value == value { token = token?.refused } }
    }

    func withBackoff<T>(_ body: (inout Backoff) -> T) -> T { mutex.withLock { body(&backoff) } }
}
