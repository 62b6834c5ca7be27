import Foundation

/// Bytes that stand in JSON as base64url without padding (RFC 4648, section 5).
struct Base64URL: Codable, Hashable, Sendable {
    let data: Data

    init(_ data: Data) { self.data = data }

    /// Reads a text; padding is forgiven, anything else is not.
    init?(_ text: some StringProtocol) {
        var plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        plain = plain.replacingOccurrences(of: "=", with: "")
        let left = plain.count % 4
        plain += String(repeating: "=", count: (4 - left) % 4)
        // One digit alone is no byte, and not every Foundation minds.
        guard left != 1, let data = Data(base64Encoded: plain) else { return nil }
        self.data = data
    }

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let read = Base64URL(text) else {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "no base64url"))
        }
        self = read
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    var text: String {
        data.base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
