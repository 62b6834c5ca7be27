import Foundation
@testable import Latchkey
import LatchkeyAPI
import XCTest

/// Tokens that an app kept by itself, and hands over.
final class AdoptionTests: SessionTestCase, @unchecked Sendable {
    private func slots(_ keychain: TestKeychain) -> String {
        keychain.contents.filter { $0.key.hasPrefix("slot") }.values.joined()
    }

    private func fails(_ expected: SessionError, line: UInt = #line, _ call: () async throws -> Void) async {
        do {
            try await call()
            XCTFail("no error", line: line)
        } catch { XCTAssertEqual(error as? SessionError, expected, line: line) }
    }

    func testATokenIsStoredAndSpentOnce() async throws {
        let session = try session()
        var changes = session.changes().makeAsyncIterator()
        try await session.adopt(refreshToken: "refresh-1", accessToken: TestServer.access(1))
        XCTAssertEqual(server.count("refreshToken"), 1)
        let change = await changes.next()
        XCTAssertEqual(change, .signedIn)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        let id = await session.userID
        XCTAssertEqual(id, 7)
        try await session.adopt(refreshToken: "refresh-1") // the app had not deleted its own
        XCTAssertEqual(server.count("refreshToken"), 1)
    }

    func testALostAnswerCostsNothing() async throws {
        let session = try session()
        server.play("refreshToken", .lost)
        await fails(.network(.network(code: -1005))) { try await session.adopt(refreshToken: "refresh-1") }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        let next = try self.session() // the process was killed
        let result = await call(next)
        XCTAssertEqual(result, .success(200))
        try await next.adopt(refreshToken: "refresh-1")
        let keys = server.requests("refreshToken").map { $0.headers["Idempotency-Key"] }
        XCTAssertEqual(keys.count, 2)
        XCTAssertEqual(keys[0], keys[1])
    }

    func testATokenThatIsRefusedLeavesNothing() async throws {
        let session = try session()
        server.end("session_ended")
        await fails(.signedOut(EndReason(code: "session_ended"))) { try await session.adopt(refreshToken: "refresh-1") }
        XCTAssertEqual(slots(keychain), "")
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(EndReason(code: "session_ended")))
        await fails(.signedOut(EndReason(code: "refresh_token_invalid"))) { try await session.adopt(refreshToken: "") }
    }

    func testTheSessionThatIsThereIsReplacedOnceTheTokenIsAccepted() async throws {
        let session = try await signedIn()
        server.play("refreshToken", .failure(.network(code: -1009)), .response(TestServer.pair(10)))
        await fails(.network(.network(code: -1009))) { try await session.adopt(refreshToken: "refresh-9") }
        XCTAssertEqual(server.count("endSession"), 0)
        server.play("endSession", .response(TestServer.unauthorized()))
        let next = try self.session() // the process was killed
        let result = await call(next)
        XCTAssertEqual(result, .success(200))
        await until("the session before ends") { server.count("endSession") == 1 }
    }

    func testTheSessionThatIsThereComesBackWhereTheTokenIsRefused() async throws {
        let session = try await signedIn()
        server.play("refreshToken", .response(TestServer.problem(400, "session_ended")))
        await fails(.signedOut(EndReason(code: "session_ended"))) { try await session.adopt(refreshToken: "refresh-9") }
        for session in [session, try self.session()] {
            let state = await session.state()
            XCTAssertEqual(state, .signedIn)
            let result = await call(session)
            XCTAssertEqual(result, .success(200))
        }
        XCTAssertEqual(server.count("endSession"), 0)
    }

    func testANewerSignInTakesItsPlace() async throws {
        let session = try session()
        server.hold("refreshToken")
        let adoption = Task { try await session.adopt(refreshToken: "refresh-1") }
        await until("it is spent") { server.isHeld("refreshToken") }
        guard case .signedIn = try await session.signIn(email: "ada@example.com", password: "x") else { return XCTFail("not signed in") }
        server.play("endSession", .response(TestServer.unauthorized()))
        server.letGo("refreshToken")
        await fails(.nothingPending) { try await adoption.value }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    // MARK: session tokens

    private let appSession = "app-session"

    private func texts(_ keychain: TestKeychain) -> String { keychain.contents.values.joined() }

    func testASessionTokenIsExchangedOnce() async throws {
        let session = try session()
        try await session.adopt(sessionToken: appSession)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        XCTAssertFalse(texts(keychain).contains(appSession), "it is a bearer token, and may still work")

        try await session.adopt(sessionToken: appSession) // the app had not deleted its own
        try await session.refresh()
        let next = try self.session()
        try await next.adopt(sessionToken: appSession)
        XCTAssertEqual(server.count("exchangeSessionToken"), 1)
        let state = await next.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testALostAnswerToAnExchangeCostsNothing() async throws {
        let session = try session()
        server.play("exchangeSessionToken", .lost)
        await fails(.network(.network(code: -1005))) { try await session.adopt(sessionToken: appSession) }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        let next = try self.session() // the process was killed
        clock.advance(15)
        let result = await call(next)
        XCTAssertEqual(result, .success(200))
        try await next.adopt(sessionToken: appSession)
        let keys = server.requests("exchangeSessionToken").map { $0.headers["Idempotency-Key"] }
        XCTAssertEqual(keys.count, 2)
        XCTAssertEqual(keys[0], keys[1])
        XCTAssertNotNil(keys[0])
        XCTAssertFalse(texts(keychain).contains(appSession))
    }

    func testASessionTokenThatIsRefusedLeavesNothing() async throws {
        let gone = #"{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null}}"#
        let ended = #"{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null,"end_reason":"session_ended"}}"#
        let refusals = [
            (TestServer.json(410, gone), "session_token_invalid"), (TestServer.json(410, ended), "session_ended"),
            (TestServer.unauthorized(), "session_token_invalid"),
        ]
        for (answer, code) in refusals {
            keychain.contents = [:]
            let session = try self.session()
            server.play("exchangeSessionToken", .response(answer))
            await fails(.signedOut(EndReason(code: code))) { try await session.adopt(sessionToken: appSession) }
            XCTAssertFalse(texts(keychain).contains(appSession))
        }
        let session = try self.session()
        for text in ["", "a b", "a\nb", String(repeating: "a", count: 257)] {
            await fails(.signedOut(EndReason(code: "session_token_invalid"))) { try await session.adopt(sessionToken: text) }
        }
        XCTAssertEqual(server.count("exchangeSessionToken"), refusals.count, "what can be no token is not sent")
    }

    func testWhatSaysNothingAboutASessionTokenKeepsIt() async throws {
        let single = #"{"is_authenticated":true,"access_token":"\#(TestServer.access(1))"}"#
        let user = #"{"id":7,"display":"ada","has_usable_password":true}"#
        for answer in [
            TestServer.json(200, #"{"status":200,"data":{"user":\#(user),"methods":[]},"meta":\#(single)}"#),
            TestServer.json(401, #"{"status":403,"data":{"flows":[]},"meta":{"is_authenticated":false}}"#),
            HTTPResponse(status: 401, headers: ["Content-Type": "text/html"], body: Data("<html>".utf8)),
            TestServer.problem(503, "temporarily_unavailable"), TestServer.problem(409, "refresh_conflict"),
            HTTPResponse(status: 410, headers: ["Content-Type": "text/html"], body: Data("<html>".utf8)),
        ] {
            keychain.contents = [:]
            server.end(nil)
            let session = try self.session()
            server.play("exchangeSessionToken", .response(answer))
            do {
                try await session.adopt(sessionToken: appSession)
                XCTFail("adopted")
            } catch {}
            let state = await session.state()
            XCTAssertEqual(state, .signedIn)
            XCTAssertTrue(texts(keychain).contains(appSession))
        }
    }

    func testASessionTokenThatAProcessLeftIsDroppedAtTheNextLaunch() async throws {
        let session = try session()
        server.play("exchangeSessionToken", .lost)
        await fails(.network(.network(code: -1005))) { try await session.adopt(sessionToken: appSession) }
        let staged = keychain.contents
        clock.advance(15)
        try await session.refresh()
        keychain.contents.merge(staged) { current, _ in current } // killed before it was deleted
        XCTAssertTrue(texts(keychain).contains(appSession))

        let next = try self.session()
        await until("it is dropped") { !texts(keychain).contains(appSession) }
        let state = await next.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testASessionTokenOfTheKeychainIsTakenOverAndDeletedAfterwards() async throws {
        let session = try session()
        let items = TestKeychain()
        items.contents = ["session_token": appSession, "other": "x"]
        let tokens = FormerTokens(keychain: items, refreshAccount: "session_token", accessAccount: nil, isSessionToken: true)
        server.play("exchangeSessionToken", .lost)
        await fails(.network(.network(code: -1005))) { _ = try await session.migrate(from: tokens) }
        XCTAssertEqual(items.contents.count, 2, "nothing is deleted before it is done")

        let next = try self.session() // cut anywhere
        clock.advance(15)
        let isDone = try await next.migrate(from: tokens)
        XCTAssertTrue(isDone)
        XCTAssertEqual(Array(items.contents.keys), ["other"])
        let result = await call(next)
        XCTAssertEqual(result, .success(200))
    }

    // MARK: items of the Keychain

    private func former(_ items: [String: String]) -> (TestKeychain, FormerTokens) {
        let keychain = TestKeychain()
        keychain.contents = items
        return (keychain, FormerTokens(keychain: keychain, refreshAccount: "refresh_token", accessAccount: "access_token"))
    }

    func testItemsOfTheKeychainAreTakenOverAndDeletedAfterwards() async throws {
        let session = try session()
        let (items, tokens) = former(["refresh_token": "refresh-1", "access_token": TestServer.access(1), "other": "x"])
        server.play("refreshToken", .lost)
        await fails(.network(.network(code: -1005))) { _ = try await session.migrate(from: tokens) }
        XCTAssertEqual(items.contents.count, 3, "nothing is deleted before it is done")

        let next = try self.session() // cut anywhere
        clock.advance(15)
        let isDone = try await next.migrate(from: tokens)
        XCTAssertTrue(isDone)
        XCTAssertEqual(Array(items.contents.keys), ["other"])
        let again = try await next.migrate(from: tokens)
        XCTAssertFalse(again)
        let result = await call(next)
        XCTAssertEqual(result, .success(200))
    }

    func testItemsOfALockedDeviceWait() async throws {
        let session = try session()
        let (items, tokens) = former(["refresh_token": "refresh-1"])
        items.condition = .locked
        await fails(.locked) { _ = try await session.migrate(from: tokens) }
        items.condition = .unlocked
        let isDone = try await session.migrate(from: tokens)
        XCTAssertTrue(isDone)
    }

    func testItemsThatAreRefusedAreDeleted() async throws {
        let session = try session()
        let (items, tokens) = former(["refresh_token": "refresh-1"])
        server.end("session_expired")
        await fails(.signedOut(EndReason(code: "session_expired"))) { _ = try await session.migrate(from: tokens) }
        XCTAssertEqual(items.contents, [:])
    }

    func testItemsThatAreOlderThanTheSessionAreEnded() async throws {
        let session = try await signedIn()
        let (items, tokens) = former(["refresh_token": "refresh-9"])
        server.play("refreshToken", .response(TestServer.pair(9)))
        server.play("endSession", .response(TestServer.unauthorized()))
        let isDone = try await session.migrate(from: tokens)
        XCTAssertFalse(isDone)
        XCTAssertEqual(items.contents, [:])
        await until("its session ends") { server.requests("endSession").map { $0.headers["Authorization"] } == ["Bearer " + TestServer.access(9)] }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }
}
