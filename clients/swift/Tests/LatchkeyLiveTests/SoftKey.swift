import Foundation
@testable import Latchkey
import LatchkeyAPI

/// A passkey in software, for tests. Its private key is 1 and so is the nonce of its signatures:
/// what ECDSA on P-256 multiplies is the generator then, and nothing is left but one addition. It
/// proves that the protocol is spoken, and protects nothing.
final class SoftKey: PasskeyPrompt, @unchecked Sendable {
    private static let x = bytes("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    private static let y = bytes("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
    private static let order = bytes("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")

    private let origin: String
    private let id: Data
    private let mutex = NSLock()
    private var user: Data

    init(origin: String, id: Data = Data((0..<16).map { _ in UInt8.random(in: 0...255) }), user: Data = Data()) {
        (self.origin, self.id, self.user) = (origin, id, user)
    }

    /// The same key, used on another site.
    func at(origin: String) -> SoftKey { SoftKey(origin: origin, id: id, user: mutex.withLock { user }) }

    func create(_ options: JsonObject) async throws(PromptError) -> Credential {
        let asked: PasskeyOptions.Creation = try PasskeyOptions.read(options)
        mutex.withLock { user = asked.user.id.data }
        let key = Data([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]) + Self.x + Data([0x22, 0x58, 32]) + Self.y
        let data = authenticatorData(asked.rp.id, flags: 0x45) + Data(count: 16) + Data([0, UInt8(id.count)]) + id + key
        let attestation = Data([0xa3, 0x63]) + Data("fmt".utf8) + Data([0x64]) + Data("none".utf8) + Data([0x67]) + Data("attStmt".utf8)
            + Data([0xa0, 0x68]) + Data("authData".utf8) + Data([0x58, UInt8(data.count)]) + data
        return PasskeyAnswer.creation(
            id: id, clientData: clientData("webauthn.create", asked.challenge), attestation: attestation, transports: ["internal"], isDiscoverable: true)
    }

    func assert(_ options: JsonObject) async throws(PromptError) -> Credential {
        let asked: PasskeyOptions.Request = try PasskeyOptions.read(options)
        let client = clientData("webauthn.get", asked.challenge)
        let data = authenticatorData(asked.rpId, flags: 0x05)
        let signature = sign(data + Digest.sha256(client))
        return PasskeyAnswer.assertion(id: id, clientData: client, authenticatorData: data, signature: signature, user: mutex.withLock { user })
    }

    private func clientData(_ type: String, _ challenge: Base64URL) -> Data {
        Data(#"{"type":"\#(type)","challenge":"\#(challenge.text)","origin":"\#(origin)","crossOrigin":false}"#.utf8)
    }

    private func authenticatorData(_ relyingParty: String, flags: UInt8) -> Data {
        Digest.sha256(Data(relyingParty.utf8)) + Data([flags, 0, 0, 0, 0])
    }

    /// s = e + r, modulo the order of the curve; r is the generator's x.
    private func sign(_ message: Data) -> Data {
        let (r, e) = ([UInt8](Self.x), [UInt8](Digest.sha256(message)))
        var sum = Self.add(r, e)
        while sum.carry || !sum.value.lexicographicallyPrecedes(Self.order) { sum = Self.subtractOrder(from: sum) }
        let body = Self.integer(r) + Self.integer(sum.value)
        return Data([0x30, UInt8(body.count)]) + body
    }

    private static func add(_ a: [UInt8], _ b: [UInt8]) -> (value: [UInt8], carry: Bool) {
        var (value, carry) = (a, 0)
        for i in a.indices.reversed() {
            let digit = Int(a[i]) + Int(b[i]) + carry
            (value[i], carry) = (UInt8(digit & 0xff), digit >> 8)
        }
        return (value, carry == 1)
    }

    private static func subtractOrder(from sum: (value: [UInt8], carry: Bool)) -> (value: [UInt8], carry: Bool) {
        var (value, borrow) = (sum.value, 0)
        let order = [UInt8](order)
        for i in value.indices.reversed() {
            let digit = Int(value[i]) - Int(order[i]) - borrow
            (value[i], borrow) = (UInt8(digit & 0xff), digit < 0 ? 1 : 0)
        }
        return (value, sum.carry && borrow == 0)
    }

    private static func integer(_ value: [UInt8]) -> Data {
        var plain = Array(value.drop { $0 == 0 })
        if (plain.first ?? 0x80) >= 0x80 { plain.insert(0, at: 0) }
        return Data([0x02, UInt8(plain.count)] + plain)
    }

    private static func bytes(_ hex: String) -> Data {
        Data(stride(from: 0, to: hex.count, by: 2).compactMap { at in
            let start = hex.index(hex.startIndex, offsetBy: at)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)
        })
    }
}
