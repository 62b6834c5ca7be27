import Foundation

/// An access token, and how long it lives.
///
/// Its description shows no token.
struct AccessToken: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    let value: String
    /// When it was asked for.
    private let asked: Moment
    /// Seconds until it ends; infinite where the token does not say how long it lives.
    private let life: TimeInterval
    /// Seconds until a new one is fetched.
    private let youth: TimeInterval

    /// Its life is `exp` − `iat`, two times of the same clock, the server's; it counts from when
    /// the token was asked for.
    init(_ value: String, askedAt asked: Moment) {
        self.value = value
        self.asked = asked
        life = Self.life(of: value) ?? .infinity
        youth = life - min(30, life / 10)
    }

    private init(_ token: AccessToken, life: TimeInterval, youth: TimeInterval) {
        (value, asked) = (token.value, token.asked)
        (self.life, self.youth) = (life, youth)
    }

    /// The same token, known not to be accepted any more.
    var refused: AccessToken { AccessToken(self, life: -.infinity, youth: -.infinity) }

    /// The same token with an unknown age: a new one is fetched at the next occasion.
    var aged: AccessToken { AccessToken(self, life: life, youth: -.infinity) }

    /// Whether no new one has to be fetched yet.
    func isYoung(_ clock: any SessionClock) -> Bool { clock.elapsed(since: asked) < youth }

    /// Whether it may still be accepted, where no new one can be had. Only the clock that goes
    /// forward is asked: after a jump of the other one the server decides.
    func isAlive(_ clock: any SessionClock) -> Bool { clock.uptime - asked.uptime < life }

    var description: String { "access token" }

    var customMirror: Mirror { Mirror(self, children: ["life": life]) }

    private struct Claims: Decodable { let iat, exp: Double }

    private static func life(of token: String) -> TimeInterval? {
        guard let data = TokenClaims.payload(of: token), let claims = try? JSONDecoder().decode(Claims.self, from: data),
              claims.exp > claims.iat
        else { return nil }
        return claims.exp - claims.iat
    }
}

/// Reads the claims of a token without verifying it.
enum TokenClaims {
    static func payload(of token: String) -> Data? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        return Base64URL(parts[1])?.data
    }
}
