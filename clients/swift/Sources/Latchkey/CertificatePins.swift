import Foundation
import LatchkeyAPI

/// The public keys that a server may have, as SHA-256 of their SubjectPublicKeyInfo. They are
/// asked in addition to the system's own checks. A mismatch is a network error: nobody is signed
/// out by it.
///
/// At least two keys a host, of which one is in a drawer: else the next change of the key locks
/// every app out. `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der |
/// openssl dgst -sha256 -binary | base64` prints the pin of a certificate.
public struct CertificatePins: ServerTrustPolicy, Hashable {
    private let pins: [String: Set<Data>]

    /// Why pins were refused.
    public enum Invalid: Error, Hashable, Sendable {
        /// There is no backup.
        case fewerThanTwo(host: String)
        /// It is not 32 bytes in base64.
        case notADigest(host: String)
    }

    /// Makes pins from base64 texts by host. Hosts that are not named are not pinned.
    ///
    /// - Throws: ``Invalid``.
    public init(_ texts: [String: [String]]) throws(Invalid) {
        var pins: [String: Set<Data>] = [:]
        for (host, texts) in texts {
            for text in texts {
                guard let digest = Data(base64Encoded: text), digest.count == 32 else { throw .notADigest(host: host) }
                pins[host.lowercased(), default: []].insert(digest)
            }
            guard pins[host.lowercased(), default: []].count > 1 else { throw .fewerThanTwo(host: host) }
        }
        self.pins = pins
    }

    /// Says whether one of the certificates has a pinned key.
    public func accepts(host: String, certificates: [Data]) -> Bool {
        guard let pins = pins[host.lowercased()] else { return true }
        return certificates.contains { certificate in
            SubjectPublicKeyInfo.of(certificate: certificate).map { pins.contains(Digest.sha256($0)) } ?? false
        }
    }
}
