import Foundation
import LatchkeyAPI
import XCTest

final class URLSessionTransportTests: XCTestCase {
    private func ask(_ answer: String, holdsOn: Bool = false, below: String = "") async throws -> (HTTPResponse, LoopbackServer) {
        let server = try LoopbackServer(answer: answer, holdsOn: holdsOn)
        let transport = try URLSessionTransport(server: server.url.appendingPathComponent(below))
        var request = HTTPRequest(operation: "getProfile", method: "GET", path: "/a%2Fb/")
        request.query = [URLQueryItem(name: "q", value: "x&y")]
        request.headers["Authorization"] = "Bearer secret"
        return (try await transport.send(request), server)
    }

    func testARedirectIsHandedOut() async throws {
        let elsewhere = try LoopbackServer(answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        let (response, _) = try await ask("HTTP/1.1 302 Found\r\nLocation: \(elsewhere.url)/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        XCTAssertEqual(response.status, 302)
        XCTAssertEqual(elsewhere.request, "")
    }

    func testPathQueryAndHeadersArriveAsTheyWereGiven() async throws {
        let (response, server) = try await ask("HTTP/1.1 200 OK\r\nX-Any: Thing\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", below: "auth")
        XCTAssertEqual(response.headers["x-any"], "Thing")
        XCTAssertEqual(response.body, Data("{}".utf8))
        XCTAssertTrue(server.request.hasPrefix("GET /auth/a%2Fb/?q=x%26y HTTP/1.1\r\n"), server.request)
        XCTAssertTrue(server.request.contains("Authorization: Bearer secret\r\n"))
        XCTAssertFalse(server.request.lowercased().contains("cookie:"))
    }

    func testAStrangersChallengeIsAnAnswer() async throws {
        for challenge in [#"Basic realm="proxy""#, #"Bearer realm="ours", error="invalid_token""#] {
            let (response, _) = try await ask("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: \(challenge)\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope")
            XCTAssertEqual(response.status, 401)
            XCTAssertEqual(response.body, Data("nope".utf8))
        }
    }

    func testHalfABodyIsNoAnswer() async throws {
        do {
            _ = try await ask("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf")
            XCTFail("half an answer is none")
        } catch let error as TransportError {
            guard case .network = error else { return XCTFail("\(error)") }
        }
    }

    func testCancelledIsCancelled() async throws {
        let server = try LoopbackServer(answer: "HTTP/1.1 200 OK\r\n", holdsOn: true)
        let transport = try URLSessionTransport(server: server.url)
        let task = Task { try await transport.send(HTTPRequest(operation: "x", method: "GET", path: "/")) }
        while server.request.isEmpty { await Task.yield() }
        task.cancel()
        do {
            _ = try await task.value
            XCTFail("an answer")
        } catch { XCTAssertTrue(error is CancellationError, "\(error)") }
    }
}
