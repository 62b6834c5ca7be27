import Foundation
import LatchkeyAPI
import XCTest
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Calls that are cancelled just when they start.
final class CancellationTests: XCTestCase {
    func testEachOfThreeThousandReturns() async throws {
        let transport = try URLSessionTransport(server: URL(string: "http://127.0.0.1:9")!)
        let all = expectation(description: "each call returns")
        all.expectedFulfillmentCount = 3_000
        for _ in 0..<3_000 {
            let task = Task { try await transport.send(HTTPRequest(operation: "getConfig", method: "GET", path: "/")) }
            task.cancel()
            Task {
                _ = try? await task.value
                all.fulfill()
            }
        }
        await fulfillment(of: [all], timeout: 60)
    }
}

final class WebAddressTests: XCTestCase {
    private func read(_ text: String, insecure: Bool = false) throws -> String {
        try WebAddress(base: XCTUnwrap(URL(string: text)), allowsInsecureHTTP: insecure).description
    }

    func testSpellingsAreOneAddress() throws {
        for text in ["https://auth.example.com/a", "HTTPS://Auth.Example.com:443/a/", "https://auth.example.com/b/../a", "https://auth.example.com/%2E/a//"] {
            XCTAssertEqual(try read(text), "https://auth.example.com/a", text)
        }
        XCTAssertEqual(try read("http://LOCALHOST:80/"), "http://localhost")
        XCTAssertEqual(try read("http://[::1]:8080"), "http://[::1]:8080")
        XCTAssertEqual(try read("http://127.9.9.9:1/x"), "http://127.9.9.9:1/x")
        XCTAssertEqual(try read("https://auth.example.com/../.."), "https://auth.example.com")
    }

    func testInsecureAddressesNeedTheOption() throws {
        for text in ["http://auth.example.com", "http://192.168.1.20:8080", "http://127.0.0.1.example.com", "http://localhost.example.com", "http://127.0.0"] {
            XCTAssertThrowsError(try read(text), text) { XCTAssertEqual($0 as? TransportError, .insecureAddress) }
            XCTAssertNoThrow(try read(text, insecure: true), text)
        }
    }

    func testMistakesAreErrors() {
        for text in ["auth.example.com", "/a", "//auth.example.com", "ws://auth.example.com", "file:///etc/hosts", "https://", "https:///a",
            "https://ada:secret@auth.example.com", "https://ada@auth.example.com", "https://auth.example.com?a=b", "https://auth.example.com/#a"]
        {
            XCTAssertThrowsError(try read(text), text) {
                guard case .invalidAddress = $0 as? TransportError else { return XCTFail("\(text): \($0)") }
            }
        }
    }
}
