import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

/// The walk of an app against the server at LATCHKEY_URL.
final class LatchkeyLiveTests: XCTestCase {
    private let password = "correct horse battery staple"

    private func server() throws -> URL {
        guard let text = ProcessInfo.processInfo.environment["LATCHKEY_URL"], let url = URL(string: text) else {
            throw XCTSkip("LATCHKEY_URL names no server")
        }
        return url
    }

    private func signedUp(_ store: any TokenStore) async throws -> (Session, String) {
        let session = try Session(server: server(), store: store)
        let email = "swift-\(UUID().uuidString.lowercased())@example.com"
        guard case .signedIn(let user) = try await session.signUp(email: email, password: password) else { throw SessionError.signedOut(nil) }
        XCTAssertEqual(user.email, email)
        return (session, email)
    }

    func testTheWalk() async throws {
        let (session, email) = try await signedUp(MemoryTokenStore())
        guard case .ok(let profile) = try await session.api.getProfile() else { return XCTFail("no profile") }
        XCTAssertEqual(profile.email, .some(email))
        let id = await session.userID
        XCTAssertEqual(id, profile.id)
        guard case .ok(let changed) = try await session.api.updateProfile(.init(body: .init(display: "Ada \u{1F600}"))) else { return XCTFail("not changed") }
        XCTAssertEqual(changed.display, "Ada \u{1F600}")
        guard case .ok(let devices) = try await session.api.listSessions() else { return XCTFail("no devices") }
        XCTAssertEqual(devices.data.filter(\.isCurrent).count, 1)
        try await session.refresh()
        try await session.signOut()
        do {
            _ = try await session.api.getProfile()
            XCTFail("signed out, and still an answer")
        } catch { XCTAssertEqual(error.session, .signedOut(.user)) }
    }

    func testASecondLaunchGoesOnWithWhatIsStored() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (first, _) = try await signedUp(FileTokenStore(directory: directory))
        for _ in 0..<3 {
            let next = try Session(server: server(), store: FileTokenStore(directory: directory))
            guard case .ok = try await next.api.getProfile() else { return XCTFail("no profile") }
            try await next.refresh()
        }
        try await first.refresh()
        let state = await first.state()
        XCTAssertEqual(state, .signedIn)
        try await first.signOut()
    }

    func testAWrongPasswordIsAProblemWithACode() async throws {
        let (session, email) = try await signedUp(MemoryTokenStore())
        try await session.signOut()
        do {
            _ = try await session.signIn(email: email, password: "wrong horse")
            XCTFail("signed in")
        } catch {
            guard case .problem(400, let problems) = error else { return XCTFail("\(error)") }
            XCTAssertEqual(problems.map(\.code), ["email_password_mismatch"])
        }
    }

    func testAnotherDeviceEndsTheSession() async throws {
        let (session, email) = try await signedUp(MemoryTokenStore())
        let other = try Session(server: server(), store: MemoryTokenStore())
        guard case .signedIn = try await other.signIn(email: email, password: password) else { return XCTFail("not signed in") }
        guard case .ok(let devices) = try await other.api.listSessions() else { return XCTFail("no devices") }
        let ids = devices.data.filter { !$0.isCurrent }.map(\.id)
        guard case .ok = try await other.api.endSessions(.init(body: .init(sessions: ids))) else { return XCTFail("not ended") }
        do {
            _ = try await session.api.getProfile()
            XCTFail("ended, and still an answer")
        } catch {
            guard case .signedOut(let reason?) = error.session else { return XCTFail("\(error)") }
            XCTAssertEqual(reason.code, "session_ended")
            XCTAssertNotNil(reason.endedAt)
        }
    }

    func testTheAppsOwnServerTakesTheToken() async throws {
        let (session, _) = try await signedUp(MemoryTokenStore())
        let url = try server().appendingPathComponent("api/v1/users/profile/")
        let (data, response) = try await session.data(for: URLRequest(url: url))
        XCTAssertEqual(response.statusCode, 200)
        XCTAssertGreaterThan(data.count, 2)
        try await session.signOut()
    }
}
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif
