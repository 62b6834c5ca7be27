import Foundation

/// The codes of an authenticator app (RFC 6238): SHA-1, six digits, thirty seconds.
struct TimeCode {
    private let key: [UInt8]

    /// Reads the secret in base32, as the server shows it.
    init(secret: String) {
        var (bits, count, key) = (0, 0, [UInt8]())
        for letter in secret {
            guard let value = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").firstIndex(of: letter) else { continue }
            (bits, count) = ((bits << 5 | value) & 0xffff, count + 5)
            if count >= 8 {
                count -= 8
                key.append(UInt8(bits >> count & 0xff))
            }
        }
        self.key = key
    }

    func code(step: Int) -> String {
        let mac = Self.hmac(key, withUnsafeBytes(of: UInt64(step).bigEndian, Array.init))
        let offset = Int(mac[19] & 0xf)
        let number = mac[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } & 0x7fff_ffff
        return String(format: "%06d", number % 1_000_000)
    }

    private static func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let padded = key + Array(repeating: 0, count: 64 - key.count)
        return sha1(padded.map { $0 ^ 0x5c } + sha1(padded.map { $0 ^ 0x36 } + message))
    }

    static func sha1(_ data: [UInt8]) -> [UInt8] {
        func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
        var message = data + [0x80]
        while message.count % 64 != 56 { message.append(0) }
        withUnsafeBytes(of: (UInt64(data.count) * 8).bigEndian) { message.append(contentsOf: $0) }
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        for start in stride(from: 0, to: message.count, by: 64) {
            var words = stride(from: start, to: start + 64, by: 4).map { at in message[at..<at + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } }
            for t in 16..<80 { words.append(rotate(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)) }
            var v = state
            for t in 0..<80 {
                let (mix, constant): (UInt32, UInt32) = switch t {
                case 0..<20: (v[1] & v[2] | ~v[1] & v[3], 0x5a82_7999)
                case 20..<40: (v[1] ^ v[2] ^ v[3], 0x6ed9_eba1)
                case 40..<60: (v[1] & v[2] | v[1] & v[3] | v[2] & v[3], 0x8f1b_bcdc)
                default: (v[1] ^ v[2] ^ v[3], 0xca62_c1d6)
                }
                v = [rotate(v[0], 5) &+ mix &+ v[4] &+ constant &+ words[t], v[0], rotate(v[1], 30), v[2], v[3]]
            }
            for i in 0..<5 { state[i] &+= v[i] }
        }
        return state.flatMap { word in stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) } }
    }
}
