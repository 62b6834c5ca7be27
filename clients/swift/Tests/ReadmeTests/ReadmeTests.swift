import Foundation
import Latchkey
import LatchkeyTesting
import XCTest

final class ReadmeTests: XCTestCase {
    /// Every block of Swift in README.md stands in Snippets.swift, which the compiler reads.
    func testTheCodeOfTheReadmeIsCompiled() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let snippets = try String(contentsOf: here.appendingPathComponent("Snippets.swift"), encoding: .utf8)
        let readme = try String(contentsOf: here.appendingPathComponent("../../README.md"), encoding: .utf8)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
        XCTAssertGreaterThan(blocks.count, 5)
        for part in blocks.flatMap({ $0.components(separatedBy: "\n\n") }) {
            XCTAssertTrue(snippets.contains(part), "not in Snippets.swift:\n\(part)")
        }
    }

    func testASessionTokenIsTakenOver() async throws {
        let server = FakeServer()
        var options = SessionOptions()
        options.transport = server
        let session = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
        let token = try XCTUnwrap(server.sessionToken(of: "ada@example.com"))

        try await takeOver(session, sessionToken: token)
        try await takeOver(session, sessionToken: token) // the app had not deleted its own
        guard case .ok(let profile) = try await session.api.getProfile() else { return XCTFail("not signed in") }
        XCTAssertEqual(profile.display, "Ada Lovelace")
        XCTAssertEqual(server.operations, ["exchangeSessionToken", "getProfile"])
    }
}
