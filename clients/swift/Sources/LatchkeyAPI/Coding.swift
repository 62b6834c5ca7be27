import Foundation

enum JSONCoding {
    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return encoder
    }

    static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom(timestamp)
        return decoder
    }

    /// RFC 3339, with or without fractions of a second.
    @Sendable private static func timestamp(_ decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        if let date = try? Date.ISO8601FormatStyle().parse(text) { return date }
        if let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text) { return date }
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a date-time")
    }
}

/// How a single value is written outside JSON: in a path, a query or a header.
func wireText<T>(_ value: T) -> String {
    if let value = value as? Date { return Date.ISO8601FormatStyle().format(value) }
    if let value = value as? any RawRepresentable { return "\(value.rawValue)" }
    return "\(value)"
}

private let unreserved = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")

// Not .urlPathAllowed, which lets "/" through.
func percentEncoded<T>(_ value: T) -> String {
    wireText(value).addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
}
