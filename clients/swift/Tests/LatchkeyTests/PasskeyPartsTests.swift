import Foundation
@testable import Latchkey
import LatchkeyAPI
import XCTest

final class PasskeyPartsTests: XCTestCase {
    private func object(_ text: String) throws -> JsonObject { try JSONDecoder().decode(JsonObject.self, from: Data(text.utf8)) }

    func testCreationOptionsAreRead() throws {
        let text = #"""
            {"challenge":"_-8","rp":{"id":"example.com","name":"Example"},"timeout":300000,
            "user":{"id":"AQI","name":"ada@example.com","displayName":"ada"},"attestation":"none","extensions":{"credProps":true},
            "pubKeyCredParams":[{"type":"public-key","alg":-7}],"excludeCredentials":[{"type":"public-key","id":"AwQ"}],
            "authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"}}
            """#
        let options: PasskeyOptions.Creation = try PasskeyOptions.read(object(text))
        XCTAssertEqual(options.challenge.data, Data([0xff, 0xef]))
        XCTAssertEqual(options.rp.id, "example.com")
        XCTAssertEqual(options.user.id.data, Data([1, 2]))
        XCTAssertEqual(options.user.displayName, "ada")
        XCTAssertEqual(options.pubKeyCredParams?.map(\.alg), [-7])
        XCTAssertEqual(options.excludeCredentials?.map(\.id.data), [Data([3, 4])])
        XCTAssertEqual(options.authenticatorSelection, .init(residentKey: "required", userVerification: "required"))
    }

    func testRequestOptionsAreRead() throws {
        let text = #"{"challenge":"AQI=","rpId":"example.com","allowCredentials":[{"type":"public-key","id":"AwQ","transports":["usb"]}],"userVerification":"preferred"}"#
        let options: PasskeyOptions.Request = try PasskeyOptions.read(object(text))
        XCTAssertEqual(options.challenge.data, Data([1, 2]))
        XCTAssertEqual(options.rpId, "example.com")
        XCTAssertEqual(options.allowCredentials, [.init(id: Base64URL(Data([3, 4])))])
        XCTAssertEqual(options.userVerification, "preferred")
    }

    func testOptionsThatAreNoneAreRefused() throws {
        for text in ["{}", #"{"publicKey":{"challenge":"AQI","rpId":"example.com"}}"#, #"{"challenge":"!","rpId":"example.com"}"#] {
            XCTAssertThrowsError(try PasskeyOptions.read(object(text), as: PasskeyOptions.Request.self)) {
                XCTAssertEqual($0 as? PromptError, .unavailable)
            }
        }
    }

    func testAnswersAreThoseOfWebAuthn() throws {
        let made = PasskeyAnswer.creation(
            id: Data([0xff, 0xef]), clientData: Data([1]), attestation: Data([2]), transports: ["internal"], isDiscoverable: true)
        XCTAssertEqual(made, .object(try object(#"""
            {"id":"_-8","rawId":"_-8","type":"public-key","clientExtensionResults":{"credProps":{"rk":true}},
            "response":{"clientDataJSON":"AQ","attestationObject":"Ag","transports":["internal"]}}
            """#)))
        let unknown = PasskeyAnswer.creation(id: Data([1]), clientData: Data(), attestation: Data(), transports: [], isDiscoverable: nil)
        guard case .object(let members) = unknown else { return XCTFail("no object") }
        XCTAssertEqual(members["clientExtensionResults"], .object([:]))
        for (user, member) in [(Data([5]), #","userHandle":"BQ""#), (Data(), ""), (nil, "")] {
            let shown = PasskeyAnswer.assertion(id: Data([1]), clientData: Data([2]), authenticatorData: Data([3]), signature: Data([4]), user: user)
            XCTAssertEqual(shown, .object(try object(#"""
                {"id":"AQ","rawId":"AQ","type":"public-key","clientExtensionResults":{},
                "response":{"clientDataJSON":"Ag","authenticatorData":"Aw","signature":"BA"\#(member)}}
                """#)))
        }
    }

    func testTheSystemsErrorsAreJudged() {
        XCTAssertEqual([1000, 1001, 1002, 1003, 1005, 1006, 1010].map { PromptJudgement.judge($0) }, [
            .failed(code: 1000), .cancelled, .failed(code: 1002), .unavailable, .unavailable, .alreadyRegistered, .unavailable,
        ])
        let reason = "Application with identifier X is not associated with domain example.com"
        XCTAssertEqual(PromptJudgement.judge(1004, reason: reason), .failed(code: 1004, reason: reason))
        XCTAssertEqual(SessionError.prompt(.failed(code: 1004, reason: reason)).localizedDescription, reason)
    }

    func testBase64URLComesBack() throws {
        for count in 0..<5 {
            let data = Data((0..<count).map { UInt8(250 + $0) })
            XCTAssertEqual(Base64URL(Base64URL(data).text)?.data, data)
            XCTAssertFalse(Base64URL(data).text.contains { "+/=".contains($0) })
        }
        XCTAssertNil(Base64URL("a b"))
        XCTAssertNil(Base64URL("A"))
    }
}
