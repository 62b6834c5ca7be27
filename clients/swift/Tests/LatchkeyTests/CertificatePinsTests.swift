import Foundation
@testable import Latchkey
import XCTest

final class CertificatePinsTests: XCTestCase {
    // Both certificates and their pins were made by openssl.
    private static let elliptic = Data(base64Encoded:
        "MIIBjDCCATOgAwIBAgIUIKavujI/c6TLSeabG42vukzns6EwCgYIKoZIzj0EAwIwGzEZMBcGA1UEAwwQYXV0aC5leGFtcGxlLmNvbTAgFw0yNj" +
        "ExMjUwODE2NDdaGA8yMTI2MTEwMTA4MTY0N1owGzEZMBcGA1UEAwwQYXV0aC5leGFtcGxlLmNvbTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA" +
        "BFXNVlTs+B8MKIcwrOkIA/OCsGqe0hYVo2g7TAmXk5PWyeEwUGsWUVO+0SC5TOt/qqX4dAX9tQZQyJZnWfYOwp6jUzBRMB0GA1UdDgQWBBRR2A" +
        "9xNiVo6naeYI+5I78i+phnKTAfBgNVHSMEGDAWgBRR2A9xNiVo6naeYI+5I78i+phnKTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cA" +
        "MEQCIALsMuipN2iyUr87wWhUh/eTxwUhK1NYoBnm+vd9i4bqAiAPv6Le3J/rsrNv9KfXNpxEtWUwFowKDbmZ4/v6S0LWoQ==")!
    private static let ellipticPin = "vBI/pdZYam0LcBGg2Lt0HQ4I8AFb3hceJWcp2a62qK4="
    private static let rsa = Data(base64Encoded:
        "MIIDGTCCAgGgAwIBAgIUIxEoq37BoGIHQaEMovATnx7lGiIwDQYJKoZIhvcNAQELBQAwGzEZMBcGA1UEAwwQYXV0aC5leGFtcGxlLmNvbTAgFw" +
        "0yNjExMjUwODE2NDlaGA8yMTI2MTEwMTA4MTY0OVowGzEZMBcGA1UEAwwQYXV0aC5leGFtcGxlLmNvbTCCASIwDQYJKoZIhvcNAQEBBQADggEP" +
        "ADCCAQoCggEBAJ3h9ueOGYiyv4wfBGc8H/dCr8MBnqjpjWSzrwhYof4aXFHIo8HJfpLGyshxwPw1uBlTgfHLot35aEWuEDJ3A+zhKTKNHkVuMC" +
        "EKr8xFHKmeNUcVVmcvXPTpIHZQILfJvedVwFR/cTMl6xbx1OekcITN9UlQ/Szbhojw3Vb5i0R1gyG2fu2NwFzzR7xIgzbW12Ktqm6dj3EphwlT" +
        "WtCtxWtejNPW7n6irr8n8FEz0AS1BDjnjohTUIMnPTpJvnvkENrI3bplgA6Rqtll6cnHxl2XjuYvDBIz3qFS8aPFm8xNoHJE7GFm+yCqwcMq7F" +
        "j6KSvdftAG/gwGTLicz/kmxG0CAwEAAaNTMFEwHQYDVR0OBBYEFEEyMVc7NS0aIa4aG46mRhpi6HtAMB8GA1UdIwQYMBaAFEEyMVc7NS0aIa4a" +
        "G46mRhpi6HtAMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBADw5No2630kBP3iddnnEkJGGpDK1uQt8BVpagbLFzfeW/oKMct" +
        "1mOPM77mMrY80+p6fL490ROPYN8e9MJQHvTsjpfqoOrXjxM8BmGZnG47vDUGm51qqvtV3fEwJMARBpoDcijFq688GwwjvMD19i8dcW14dzMcCy" +
        "C1bpb6aDbNqL1ylwZrxtXupa6eR9RYPqUFzBJmGaXTW5cZ1QaHuohbucgIZ6FfI47b+Y6o8uKbwIh4Rbhoa/cXE8039jcpkL43QFOBp0gAlHrC" +
        "9f/vZpugsxOgFd+c5VyqbLm+7A0ilE1+lRJIq8imhux13jmH/P9YUm7hWjCJvtzGuU3e2K8g8=")!
    private static let rsaPin = "6FMIiwtxLW/xJp1OVKTFAeS1+kck0GcwcIfpmkd0xDM="
    private static let backup = Data(repeating: 7, count: 32).base64EncodedString()

    func testAPinnedKeyIsAcceptedWhereverItStandsInTheChain() throws {
        let pins = try CertificatePins(["Auth.example.com": [Self.ellipticPin, Self.backup]])
        XCTAssertTrue(pins.accepts(host: "auth.example.com", certificates: [Self.elliptic]))
        XCTAssertTrue(pins.accepts(host: "AUTH.example.com", certificates: [Self.rsa, Self.elliptic]))
        XCTAssertFalse(pins.accepts(host: "auth.example.com", certificates: [Self.rsa]))
        XCTAssertFalse(pins.accepts(host: "auth.example.com", certificates: []))
        XCTAssertTrue(pins.accepts(host: "other.example.com", certificates: [Self.rsa]))
        XCTAssertTrue(try CertificatePins(["a": [Self.rsaPin, Self.backup]]).accepts(host: "a", certificates: [Self.rsa]))
    }

    func testWithoutABackupTheyAreRefused() {
        XCTAssertThrowsError(try CertificatePins(["a": [Self.rsaPin]])) { XCTAssertEqual($0 as? CertificatePins.Invalid, .fewerThanTwo(host: "a")) }
        XCTAssertThrowsError(try CertificatePins(["a": [Self.rsaPin, Self.rsaPin]])) { XCTAssertEqual($0 as? CertificatePins.Invalid, .fewerThanTwo(host: "a")) }
        XCTAssertThrowsError(try CertificatePins(["a": ["sha256/x", Self.rsaPin]])) { XCTAssertEqual($0 as? CertificatePins.Invalid, .notADigest(host: "a")) }
    }

    func testBrokenCertificatesHaveNoKey() {
        for length in 0..<Self.elliptic.count {
            XCTAssertNil(SubjectPublicKeyInfo.of(certificate: Self.elliptic.prefix(length)), "\(length)")
        }
        XCTAssertNil(SubjectPublicKeyInfo.of(certificate: Data([0x30, 0x85, 1, 1, 1, 1, 1])))
        XCTAssertNil(SubjectPublicKeyInfo.of(certificate: Data([0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF])))
    }
}
