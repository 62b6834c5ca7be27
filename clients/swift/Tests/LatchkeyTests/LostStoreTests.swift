import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

/// A store whose texts can never be read again.
final class LostStoreTests: SessionTestCase, @unchecked Sendable {
    private func fails(_ expected: SessionError, line: UInt = #line, _ call: () async throws -> Void) async {
        do {
            try await call()
            XCTFail("no error", line: line)
        } catch { XCTAssertEqual(error as? SessionError, expected, line: line) }
    }

    private let unreadable = SessionError.store(.failed(code: -26275))

    private func lost() async throws -> Session {
        _ = try await signedIn()
        keychain.loseKeys()
        return try session()
    }

    private func enter(_ session: Session, force: Bool = false) async throws {
        guard case .signedIn = try await session.signIn(email: "ada@example.com", password: "x", force: force) else { throw unreadable }
    }

    func testNothingIsDeletedByItself() async throws {
        let session = try await lost()
        let before = keychain.contents
        for _ in 0..<100 {
            let state = await session.state()
            XCTAssertEqual(state, .unreadable(.failed(code: -26275)))
            let result = await call(session)
            XCTAssertEqual(result, .failure(unreadable))
            clock.advance(60)
        }
        XCTAssertEqual(keychain.contents, before)
        XCTAssertEqual(server.count("login"), 1)
    }

    func testTheUsersSignInReplacesItAfterThreeReadsInAMinute() async throws {
        for passes in [{ self.clock.advance($0) }, { self.clock.setWall($0) }] as [(Double) -> Void] {
            let session = try await lost()
            var changes = session.changes().makeAsyncIterator()
            await fails(unreadable) { try await self.enter(session) }
            await fails(unreadable) { try await self.enter(session) }
            await fails(unreadable) { try await self.enter(session) }
            passes(60)
            try await enter(session)
            let first = await changes.next()
            XCTAssertEqual(first, .signedOut(.storageKeyLost))
            let second = await changes.next()
            XCTAssertEqual(second, .signedIn)
            let again = await call(try self.session())
            XCTAssertEqual(again, .success(200))
            keychain.contents = [:]
            clock.setWall(0)
        }
    }

    func testTwoReadsOrAShorterTimeDoNotDo() async throws {
        let session = try await lost()
        _ = await session.state()
        clock.advance(3600)
        await fails(unreadable) { try await self.enter(session) }
        let other = try self.session()
        for _ in 0..<10 { _ = await other.state() }
        clock.advance(59)
        await fails(unreadable) { try await self.enter(other) }
    }

    func testTheUsersSignOutReplacesIt() async throws {
        let session = try await lost()
        for _ in 0..<3 { await fails(unreadable) { try await session.signOut() } }
        clock.advance(60)
        try await session.signOut()
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(.storageKeyLost))
        let next = await (try self.session()).state()
        XCTAssertEqual(next, .signedOut(nil))
    }

    func testForceDoesItAtOnce() async throws {
        let session = try await lost()
        try await enter(session, force: true)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        let other = try await lost()
        try await other.signOut(force: true)
        let state = await other.state()
        XCTAssertEqual(state, .signedOut(.storageKeyLost))
    }

    func testForceOfTokensThatAreTakenOver() async throws {
        let ways: [(Session, Bool) async throws -> Void] = [
            { try await $0.adopt(sessionToken: "app-session", force: $1) },
            { try await $0.adopt(refreshToken: "refresh-4", force: $1) }, // that of the second sign-in below
        ]
        server.play("exchangeSessionToken", .response(TestServer.pair(2)))
        for way in ways {
            let session = try await lost()
            await fails(unreadable) { try await way(session, false) }
            try await way(session, true)
            let again = await call(try self.session())
            XCTAssertEqual(again, .success(200))
            keychain.contents = [:]
        }
    }

    func testForceOfASignUpByPasskey() async throws {
        let session = try await lost()
        let pending = TestServer.unauthorized(pending: "verify_email", sessionToken: "lkst_1")
        server.play("signupByPasskey", .response(pending))
        await fails(unreadable) { _ = try await session.signUpWithPasskey(email: "ada@example.com") }
        guard case .pending = try await session.signUpWithPasskey(email: "ada@example.com", force: true)
        else { return XCTFail("not pending") }
        XCTAssertEqual(server.count("signupByPasskey"), 1)
        server.play("verifyEmail", .response(TestServer.pair(2)))
        guard case .ok = try await session.api.verifyEmail(.init(body: .init(key: "123456"))) else { return XCTFail("not signed in") }
        let again = await call(try self.session())
        XCTAssertEqual(again, .success(200))
    }

    func testALockedDeviceIsNoLostKey() async throws {
        _ = try await signedIn()
        let session = try session()
        keychain.condition = .locked
        for _ in 0..<10 {
            await fails(.locked) { try await self.enter(session, force: true) }
            clock.advance(60)
        }
        keychain.condition = .unlocked
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testAGoodReadStartsTheCountAnew() async throws {
        _ = try await signedIn()
        let session = try session()
        for _ in 0..<5 {
            keychain.failReads(1)
            _ = await session.state()
            clock.advance(60)
            _ = await session.state()
        }
        keychain.failReads(1)
        await fails(.store(.failed(code: -36))) { try await self.enter(session) }
    }
}
