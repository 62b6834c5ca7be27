import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

final class SignInAndOutTests: SessionTestCase, @unchecked Sendable {
    func testAPendingStepIsAValueAndALaterAnswerSignsIn() async throws {
        let session = try session()
        server.play("login", .response(TestServer.unauthorized(pending: "login_by_code", sessionToken: "lkst_1")))
        guard case .pending(let flows) = try await session.signIn(email: "ada@example.com", password: "x") else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["login_by_code"])
        let pair = #"{"status":200,"data":{"user":{"id":7,"display":"ada","has_usable_password":true},"methods":[]},"meta":{"is_authenticated":true,"access_token":"\#(TestServer.access(1))","refresh_token":"refresh-1"}}"#
        server.play("confirmLoginCode", .response(TestServer.json(200, pair)))
        _ = try await session.api.confirmLoginCode(.init(body: .init(code: "BCDF-GHJK")))
        XCTAssertEqual(server.requests("confirmLoginCode").first?.headers["X-Session-Token"], "lkst_1")
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        XCTAssertNil(server.requests("getProfile").first?.headers["X-Session-Token"])
    }

    func testASignUpThatWaitsForItsLinkGoesOnOnceTheLinkWasOpenedElsewhere() async throws {
        let session = try session()
        server.play("signup", .response(TestServer.unauthorized(pending: "verify_email", sessionToken: "lkst_1")))
        _ = try await session.signUp(email: "ada@example.com", password: "x")
        let pair = #"{"status":200,"data":{"user":{"id":7,"display":"ada","has_usable_password":true},"methods":[]},"meta":{"is_authenticated":true,"access_token":"\#(TestServer.access(1))","refresh_token":"refresh-1"}}"#
        server.play("getSession", .response(TestServer.unauthorized(pending: "verify_email")), .response(TestServer.json(200, pair)))
        guard case .unauthorized = try await session.api.getSession() else { return XCTFail("the link was not opened yet") }
        guard case .ok = try await session.api.getSession() else { return XCTFail("not signed in") }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        XCTAssertEqual(server.requests("getSession").map { $0.headers["X-Session-Token"] }, ["lkst_1", "lkst_1"])
    }

    func testASignInThatBeginsCarriesNothingOfTheOneBefore() async throws {
        let session = try session()
        server.play("login", .response(TestServer.unauthorized(pending: "verify_email", sessionToken: "lkst_1")))
        _ = try await session.signIn(email: "a@example.com", password: "x")
        guard case .signedIn = try await session.signIn(email: "a@example.com", password: "x") else { return XCTFail("not signed in") }
        XCTAssertEqual(server.requests("login").map { $0.headers["X-Session-Token"] }, [nil, nil])
    }

    func testAProblemIsTyped() async throws {
        let session = try session()
        server.play("login", .response(TestServer.problem(400, "email_password_mismatch")), .response(TestServer.problem(429, "too_many_requests", headers: ["Retry-After": "9"])))
        for expected in [SessionError.problem(status: 400, [Problem(code: "email_password_mismatch", message: "No.")]), .unavailable(status: 429, code: "too_many_requests", retryAfter: 9)] {
            do {
                _ = try await session.signIn(email: "a@example.com", password: "x")
                XCTFail("signed in")
            } catch { XCTAssertEqual(error, expected) }
        }
        XCTAssertEqual(SessionError.unavailable(status: 429, code: nil, retryAfter: 9).action, .wait)
    }

    func testASignInThatCannotBeStoredIsNoneAndTheServerIsTold() async throws {
        let session = try session()
        _ = await session.state() // makes the probe, without which nothing would be sent
        keychain.condition = .rejectingWrites
        do {
            _ = try await session.signIn(email: "a@example.com", password: "x")
            XCTFail("signed in")
        } catch { XCTAssertEqual(error, .store(.failed(code: -61))) }
        keychain.condition = .unlocked
        await until("the server is told") {
            clock.advance(1)
            return server.count("endSession") == 1
        }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
    }

    func testP14NothingIsLeftAndTheServerKnows() async throws {
        let session = try await signedIn()
        var changes = session.changes().makeAsyncIterator()
        try await session.signOut()
        XCTAssertEqual(Set(keychain.contents.keys), ["device", "probe"])
        XCTAssertEqual(server.count("endSession"), 1)
        XCTAssertEqual(server.requests("endSession").first?.headers["Authorization"]?.hasPrefix("Bearer "), true)
        let change = await changes.next()
        XCTAssertEqual(change, .signedOut(.user))
        let result = await call(session)
        XCTAssertEqual(result, .failure(.signedOut(.user)))
    }

    func testP14ARefreshUnderWayBringsNothingBack() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.hold("refreshToken")
        async let result = call(session)
        await until("the refresh is under way") { server.isHeld("refreshToken") }
        async let out: Void = session.signOut()
        await until("nothing is stored") { !keychain.contents.keys.contains { $0.hasPrefix("slot") } }
        server.letGo("refreshToken")
        try await out
        let failed = await result
        XCTAssertEqual(failed, .failure(.signedOut(.user)))
        XCTAssertEqual(Set(keychain.contents.keys), ["device", "probe"])
        XCTAssertEqual(server.count("getProfile"), 0)
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(.user))
    }

    /// The person leaves the screen for the second factor while its code is under way.
    func testP14AStepUnderWayBringsNobodyIn() async throws {
        let session = try session()
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        server.hold("submitSecondFactor")
        let code = Task { try await session.submitSecondFactor(code: "1") }
        await until("the code is under way") { server.isHeld("submitSecondFactor") }
        try await session.signOut()
        server.letGo("submitSecondFactor")
        do {
            _ = try await code.value
            XCTFail("signed in")
        } catch { XCTAssertEqual(error as? SessionError, .nothingPending) }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
        XCTAssertEqual(Set(keychain.contents.keys), ["probe"])
        await until("the server ends the new session") { server.count("endSession") == 1 }
        XCTAssertEqual(server.requests("endSession").first?.headers["Authorization"], "Bearer " + TestServer.access(2))
    }

    func testP14ASignInUnderWayIsNotPendingAfterwards() async throws {
        let session = try session()
        server.hold("login")
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        let login = Task { try await session.signIn(email: "ada@example.com", password: "x") }
        await until("the password is under way") { server.isHeld("login") }
        try await session.signOut()
        server.letGo("login")
        for step in [login, Task { try await session.submitSecondFactor(code: "1") }] {
            do {
                _ = try await step.value
                XCTFail("pending")
            } catch { XCTAssertEqual(error as? SessionError, .nothingPending) }
        }
        XCTAssertEqual(server.count("submitSecondFactor"), 0)
    }

    func testP14ASignOutWhileTheTokensAreBeingStoredFindsThem() async throws {
        let locks = CountingLocks()
        var options = SessionOptions()
        (options.transport, options.clock) = (server, clock)
        let store = KeychainTokenStore(identity: "storing", keychain: keychain, locks: locks)
        let session = try Session(server: URL(string: "https://auth.example.com")!, store: store, options: options)
        let lease = locks.tryLock(.change)
        let login = Task { try await session.signIn(email: "ada@example.com", password: "x") }
        await until("the tokens wait to be stored") { locks.refusals > 0 }
        try await session.signOut()
        lease?.release()
        do {
            _ = try await login.value
            XCTFail("signed in")
        } catch { XCTAssertEqual(error as? SessionError, .nothingPending) }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
        await until("nothing is left, and the server knows") {
            server.count("endSession") > 0 && Set(keychain.contents.keys) == ["probe"]
        }
    }

    func testOfTwoSignInsAtOnceOneIsTurnedAwayAndEnded() async throws {
        let session = try session()
        server.hold("login")
        server.play("endSession", .response(TestServer.unauthorized())) // of one session, not of both
        let logins = (0..<2).map { _ in Task { try await session.signIn(email: "ada@example.com", password: "x") } }
        await until("both are under way") { server.isHeld("login", times: 2) }
        server.letGo("login")
        var errors: [SessionError] = []
        for login in logins {
            do { _ = try await login.value } catch { try errors.append(XCTUnwrap(error as? SessionError)) }
        }
        XCTAssertEqual(errors, [.nothingPending])
        XCTAssertEqual(server.count("endSession"), 1)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        XCTAssertNotEqual(
            server.requests("getProfile").first?.headers["Authorization"], server.requests("endSession").first?.headers["Authorization"])
    }

    func testP14OfflineItIsQueuedAndToldByTheNextLaunch() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.cut(true)
        try await session.signOut()
        XCTAssertEqual(Set(keychain.contents.keys), ["device", "probe", "revocation"])
        XCTAssertEqual(server.count("endSession"), 0)
        server.cut(false)
        let next = try self.session()
        await until("the server is told") {
            clock.advance(1)
            return server.count("endSession") > 0 && Set(keychain.contents.keys) == ["device", "probe"]
        }
        let state = await next.state()
        XCTAssertEqual(state, .signedOut(nil))
    }

    func testP14OfflineItIsQueuedAndToldAfterAWhile() async throws {
        let session = try await signedIn()
        server.play("endSession", .failure(.network(code: -1009)), .response(HTTPResponse(status: 401, body: Data("<html>".utf8))))
        try await session.signOut()
        for count in 2...3 {
            await until("attempt \(count)") {
                clock.advance(1)
                return server.count("endSession") == count
            }
        }
        await until("nothing is left") { Set(keychain.contents.keys) == ["device", "probe"] }
    }

    func testAStoreThatCannotBeClearedDoesNotKeepAnybodySignedIn() async throws {
        var told = 0
        for (condition, expected) in [(TestKeychain.Condition.locked, SessionError.locked), (.lockedSayingNotFound, .locked), (.rejectingWrites, .store(.failed(code: -61)))] {
            let session = try await signedIn()
            var changes = session.changes().makeAsyncIterator()
            let deletes = keychain.called("delete")
            keychain.condition = condition
            do {
                try await session.signOut()
                XCTFail("cleared")
            } catch { XCTAssertEqual(error, expected) }
            if condition != .rejectingWrites { XCTAssertEqual(keychain.called("delete"), deletes) }
            let change = await changes.next()
            XCTAssertEqual(change, .signedOut(.user))
            let state = await session.state()
            XCTAssertEqual(state, .signedOut(.user))
            keychain.condition = .unlocked
            let before = server.count("getProfile")
            let result = await call(session)
            XCTAssertEqual(result, .failure(.signedOut(.user)))
            XCTAssertEqual(server.count("getProfile"), before)
            told += 1
            await until("nothing is left, and the server knows") {
                clock.advance(1)
                return Set(keychain.contents.keys) == ["device", "probe"] && server.count("endSession") == told
            }
        }
    }

    func testP7AnEndThatCannotBeStoredIsOneAllTheSame() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.end("session_ended")
        keychain.condition = .rejectingWrites
        let ended = EndReason(code: "session_ended")
        for _ in 0..<5 {
            let result = await call(session)
            XCTAssertEqual(result, .failure(.signedOut(ended)))
        }
        XCTAssertEqual(server.count("refreshToken"), 1)
        keychain.condition = .unlocked
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(ended))
        XCTAssertEqual(Set(keychain.contents.keys), ["device", "probe"])
    }

    func testDeletingTheAccountSignsOut() async throws {
        let session = try await signedIn()
        server.play("deleteAccount", .response(TestServer.json(200, #"{"status":200,"data":{"deletes_at":1}}"#)))
        guard case .ok = try await session.api.deleteAccount() else { return XCTFail("not deleted") }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(.user))
        XCTAssertEqual(Set(keychain.contents.keys), ["probe"])
    }

    func testP12AReinstallClearsOrKeeps() async throws {
        for (policy, expected) in [(ReinstallPolicy.clear, SessionState.signedOut(.reinstalled)), (.keep, .signedIn)] {
            _ = try await signedIn()
            let marker = TestMarker()
            let next = try session { ($0.installMarker, $0.reinstallPolicy) = (marker, policy) }
            var changes = next.changes().makeAsyncIterator()
            let state = await next.state()
            XCTAssertEqual(state, expected)
            if policy == .clear {
                let change = await changes.next()
                XCTAssertEqual(change, .signedOut(.reinstalled))
                await until("nothing is stored") { Set(keychain.contents.keys) == ["probe"] }
            }
            XCTAssertEqual(try marker.wasSignedIn(), policy == .keep)
        }
    }

    func testP12AMarkerThatCannotBeWrittenClearsNothing() async throws {
        _ = try await signedIn()
        let marker = TestMarker()
        marker.isBroken = true
        let next = try session { $0.installMarker = marker }
        let state = await next.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testP12ARestoredBackupIsSignedOutOnce() async throws {
        let marker = TestMarker()
        try marker.note(signedIn: true) // the files came back, the Keychain did not
        let session = try session { $0.installMarker = marker }
        let first = await session.state()
        XCTAssertEqual(first, .signedOut(.restored))
        let next = try self.session { $0.installMarker = marker }
        let second = await next.state()
        XCTAssertEqual(second, .signedOut(nil))
    }

    func testTheDeviceIsCalledByItsName() async throws {
        _ = try await signedIn { $0.deviceName = "Ad\u{e4}\u{2019}s iPhone \u{1F600}" }
        XCTAssertEqual(server.requests("login").first?.headers["X-Device-Name"], "Ada's iPhone ")
    }
}

/// Locks that say how often they were not to be had.
final class CountingLocks: StoreLocks, @unchecked Sendable {
    private let locks = MemoryTokenStore()
    private let mutex = NSLock()
    private var count = 0

    var refusals: Int { mutex.withLock { count } }

    func tryLock(_ scope: LockScope) -> StoreLease? {
        let lease = locks.tryLock(scope)
        if lease == nil { mutex.withLock { count += 1 } }
        return lease
    }
}

final class TestMarker: InstallMarker, @unchecked Sendable {
    private let mutex = NSLock()
    private var mark: Bool?
    var isBroken = false

    func wasSignedIn() throws -> Bool? { mutex.withLock { mark } }

    func note(signedIn: Bool) throws {
        if isBroken { throw StoreError.failed(code: 28) }
        mutex.withLock { mark = signedIn }
    }
}
