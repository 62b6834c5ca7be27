import Foundation
import LatchkeyAPI

/// What a slot holds: a refresh token, the key that will spend it, and ids. Never an access
/// token. The key is made when the token is stored, so that every attempt to spend the token, in
/// every process and after every crash, sends the same one; it also names the record.
struct TokenRecord: Codable, Hashable, Sendable {
    /// The most bytes that a text in a store may have.
    static let largest = 1024

    /// Counts writes: of two readable slots the higher one counts.
    var sequence: UInt64
    var refreshToken: String
    var idempotencyKey: String
    var userID: UserID?

    private enum CodingKeys: String, CodingKey {
        case sequence = "n", refreshToken = "refresh", idempotencyKey = "key", userID = "user"
    }

    init(sequence: UInt64 = 0, refreshToken: String, idempotencyKey: String = Self.makeKey(), userID: UserID? = nil) {
        self.sequence = sequence
        self.refreshToken = refreshToken
        self.idempotencyKey = idempotencyKey
        self.userID = userID
    }

    /// The record that follows when a refresh has brought a token. The server repeats a young token:
    /// then it is the same one by its `jti`, although not by its bytes, and keeps its key, which an
    /// attempt to spend it that is still on its way has sent.
    func next(_ token: String) -> TokenRecord {
        let id = Self.identifier(of: token)
        let isSame = token == refreshToken || (id != nil && id == Self.identifier(of: refreshToken))
        return TokenRecord(refreshToken: token, idempotencyKey: isSame ? idempotencyKey : Self.makeKey(), userID: userID)
    }

    private struct Claims: Decodable { let jti: String }

    private static func identifier(of token: String) -> String? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let data = Base64URL(parts[1])?.data else { return nil }
        return (try? JSONDecoder().decode(Claims.self, from: data))?.jti
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
