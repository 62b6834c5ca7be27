import Foundation
import LatchkeyAPI
import XCTest

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class LatchkeyAPITests: XCTestCase {
    func testOnlySecureAddresses() {
        for good in ["https://auth.example.com", "https://auth.example.com/below", "http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            XCTAssertNoThrow(try URLSessionTransport(server: URL(string: good)!), good)
        }
        for bad in ["http://auth.example.com", "http://localhost.example.com", "http://127.0.0.1.example.com"] {
            XCTAssertThrowsError(try URLSessionTransport(server: URL(string: bad)!), bad) {
                XCTAssertEqual($0 as? TransportError, .insecureAddress)
            }
        }
    }

    func testNothingListens() async throws {
        let client = Client(transport: try URLSessionTransport(server: URL(string: "http://127.0.0.1:1")!))
        do {
            _ = try await client.getConfig()
            XCTFail("an answer from nobody")
        } catch {
            guard case .transport("getConfig", let cause as TransportError) = error, case .network = cause else { return XCTFail("\(error)") }
        }
    }

    func testTheTableSaysWhatAnAnswerMeans() {
        let action = { ClientActions.action(operation: $0, status: $1, facts: AnswerFacts(code: $2, bearerSent: true)) }
        XCTAssertEqual(action("refreshToken", 400, "refresh_token_reused"), .signOut)
        XCTAssertEqual(action("refreshToken", 400, "invalid_json"), .show)
        XCTAssertEqual(action("refreshToken", 401, nil), .retry)
        XCTAssertEqual(action("getProfile", 401, nil), .refresh)
        XCTAssertEqual(action("endSession", 401, nil), .proceed)
        XCTAssertEqual(action("getProfile", 418, nil), .retry)
    }

    func testEveryGeneratedOperationIsInTheTable() {
        XCTAssertEqual(ClientActions.operation(method: "POST", path: "/_allauth/app/v1/auth/token/refresh"), "refreshToken")
        XCTAssertEqual(ClientActions.operation(method: "GET", path: "/api/v1/users/profile/"), "getProfile")
        XCTAssertNil(ClientActions.operation(method: "GET", path: "/elsewhere"))
    }
}
