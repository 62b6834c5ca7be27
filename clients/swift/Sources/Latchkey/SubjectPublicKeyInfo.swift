import Foundation

/// Finds the public key's bytes in a certificate (RFC 5280, 4.1).
enum SubjectPublicKeyInfo {
    /// The SubjectPublicKeyInfo with its header; nil where the bytes are no certificate.
    static func of(certificate: Data) -> Data? {
        var outer = DERReader(certificate)
        guard var certificate = outer.enter(0x30), var body = certificate.enter(0x30) else { return nil }
        _ = body.skip(0xA0) // the version, where it is not 1
        // serialNumber, signature, issuer, validity, subject
        for tag: UInt8 in [0x02, 0x30, 0x30, 0x30, 0x30] where !body.skip(tag) { return nil }
        return body.element(0x30)
    }
}

/// Walks through DER, element by element. Every length is checked.
struct DERReader {
    private let bytes: Data
    private var at: Data.Index

    init(_ bytes: Data) { (self.bytes, at) = (bytes, bytes.startIndex) }

    /// Goes into the next element, which must have the tag, and past it.
    mutating func enter(_ tag: UInt8) -> DERReader? {
        guard let (content, end) = next(tag) else { return nil }
        at = end
        return DERReader(bytes[content..<end])
    }

    /// The next element with its header, which must have the tag; goes past it.
    mutating func element(_ tag: UInt8) -> Data? {
        guard let (_, end) = next(tag) else { return nil }
        defer { at = end }
        return bytes[at..<end]
    }

    /// Goes past the next element if it has the tag.
    mutating func skip(_ tag: UInt8) -> Bool { element(tag) != nil }

    private func next(_ tag: UInt8) -> (content: Data.Index, end: Data.Index)? {
        guard bytes.endIndex - at >= 2, bytes[at] == tag else { return nil }
        var content = at + 2
        var length = Int(bytes[at + 1])
        if length > 0x7F {
            let octets = length & 0x7F
            guard (1...4).contains(octets), bytes.endIndex - content >= octets else { return nil }
            length = bytes[content..<content + octets].reduce(0) { $0 << 8 | Int($1) }
            content += octets
        }
        guard bytes.endIndex - content >= length else { return nil }
        return (content, content + length)
    }
}
