import Foundation
import LatchkeyAPI

/// What a slot holds: a refresh token, the key that will spend it, and ids. Never an access
/// token. The key is made when the token is stored, so that every attempt to spend the token, in
/// every process and after every crash, sends the same one; it also names the record.
///
/// Its description shows no token.
struct TokenRecord: Codable, Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The most bytes that a text in a store may have.
    static let largest = 1024

    /// Counts writes: of two readable slots the higher one counts.
    var sequence: UInt64
    var refreshToken: String
    var idempotencyKey: String
    var userID: UserID?
    /// Names the refresh token that an app handed over, and that this one follows.
    var origin: String?
    /// Whether an app has handed the token over and the server has not accepted it yet. The session
    /// before is in the other slot then.
    var isStaged: Bool?
    /// Whether ``refreshToken`` is a session token, which is to be exchanged.
    var isSessionToken: Bool?

    private enum CodingKeys: String, CodingKey {
        case sequence = "n", refreshToken = "refresh", idempotencyKey = "key", userID = "user", origin = "from", isStaged = "staged"
        case isSessionToken = "exchange"
    }

    init(
        sequence: UInt64 = 0, refreshToken: String, idempotencyKey: String = Self.makeKey(),
        userID: UserID? = nil, origin: String? = nil
    ) {
        self.sequence = sequence
        self.refreshToken = refreshToken
        self.idempotencyKey = idempotencyKey
        self.userID = userID
        self.origin = origin
    }

    /// A record of a refresh token that an app hands over.
    init(adopting token: String) { self.init(refreshToken: token, origin: Self.name(of: token)) }

    /// A record of a session token that an app hands over.
    init(adoptingSession token: String) {
        self.init(adopting: token)
        isSessionToken = true
    }

    /// Whether a text can be a session token, of Latchkey or of allauth.
    static func isSessionToken(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    /// Whether this is the token that an app handed over, or another one of its session.
    func follows(_ token: String) -> Bool {
        if origin == Self.name(of: token) || refreshToken == token { return true }
        guard let session = Self.claims(of: refreshToken)?.sid, let others = Self.claims(of: token)?.sid else { return false }
        return session == others
    }

    /// Whether both are of one session, as far as their tokens say. A token that names no session
    /// counts as one of the same.
    func isOfSession(of other: TokenRecord) -> Bool {
        guard let session = Self.claims(of: refreshToken)?.sid, let others = Self.claims(of: other.refreshToken)?.sid
        else { return true }
        return session == others
    }

    var description: String { "record \(sequence)" }

    var customMirror: Mirror { Mirror(self, children: ["sequence": sequence]) }

    private static func name(of token: String) -> String {
        Digest.sha256(Data(token.utf8)).prefix(8).map { String(format: "%02x", $0) }.joined()
    }

    /// The record that follows when a refresh has brought a token. The server repeats a young token:
    /// then it is the same one by its `jti`, although not by its bytes, and keeps its key, which an
    /// attempt to spend it that is still on its way has sent.
    func next(_ token: String) -> TokenRecord {
        let id = Self.claims(of: token)?.jti
        let isSame = token == refreshToken || (id != nil && id == Self.claims(of: refreshToken)?.jti)
        return TokenRecord(
            refreshToken: token, idempotencyKey: isSame ? idempotencyKey : Self.makeKey(), userID: userID, origin: origin)
    }

    private struct Claims: Decodable { let jti, sid: String? }

    private static func claims(of token: String) -> Claims? {
        TokenClaims.payload(of: token).flatMap { try? JSONDecoder().decode(Claims.self, from: $0) }
    }

    /// 32 hexadecimal digits of the system's generator.
    static func makeKey() -> String {
        (0..<4).map { _ in String(format: "%08x", UInt32.random(in: .min ... .max)) }.joined()
    }

    /// The text: a checksum of 16 digits, which a torn write does not survive, and JSON.
    func text() throws(StoreError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(self) else { throw .damaged }
        let text = Self.checksum(json) + String(decoding: json, as: UTF8.self)
        guard text.utf8.count <= Self.largest else { throw .tooLarge(bytes: text.utf8.count) }
        return text
    }

    /// Reads a text; nil where it is torn or not ours.
    init?(text: String) {
        let json = Data(text.utf8.dropFirst(16))
        guard text.utf8.count > 16, Self.checksum(json) == text.prefix(16),
              let record = try? JSONDecoder().decode(Self.self, from: json)
        else { return nil }
        self = record
    }

    private static func checksum(_ data: Data) -> String {
        Digest.sha256(data).prefix(8).map { String(format: "%02x", $0) }.joined()
    }
}
