import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

/// Sign-ins, second factors and sign-outs that cross: the one that began last wins.
final class NewestTests: SessionTestCase, @unchecked Sendable {
    private func fails(_ expected: SessionError, line: UInt = #line, _ call: () async throws -> Void) async {
        do {
            try await call()
            XCTFail("no error", line: line)
        } catch { XCTAssertEqual(error as? SessionError, expected, line: line) }
    }

    private func pending(_ token: String) -> TestServer.Played {
        .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: token))
    }

    private func begin(_ session: Session) async -> Task<SignInResult, any Error> {
        let before = server.count("login")
        let task = Task { try await session.signIn(email: "ada@example.com", password: "x") }
        await until("it is sent") { server.count("login") > before }
        return task
    }

    func testOfTwoThatAreAskedForASecondFactorTheNewerOneIsPending() async throws {
        let session = try session()
        server.hold("login")
        server.play("login", pending("lkst_old"), pending("lkst_new"))
        let older = await begin(session)
        let newer = await begin(session)
        server.letGo("login")
        await fails(.nothingPending) { _ = try await older.value }
        guard case .pending = try await newer.value else { return XCTFail("not pending") }
        _ = try await session.submitSecondFactor(code: "1")
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, ["lkst_new"])
    }

    func testAnOlderSuccessIsEndedAlthoughItIsTheFirst() async throws {
        let session = try session()
        server.hold("login")
        let older = await begin(session)
        await until("it is held") { server.isHeld("login") }
        server.play("login", pending("lkst_new"))
        let newer = await begin(session)
        server.letGo("login")
        await fails(.nothingPending) { _ = try await older.value }
        _ = try await newer.value
        await until("its session ends") { server.count("endSession") == 1 }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
        guard case .signedIn = try await session.submitSecondFactor(code: "1") else { return XCTFail("not signed in") }
    }

    func testASecondFactorOfAnOlderSignInBringsNobodyIn() async throws {
        let session = try session()
        server.play("login", pending("lkst_old"), pending("lkst_new"))
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        server.hold("submitSecondFactor")
        let step = Task { try await session.submitSecondFactor(code: "1") }
        await until("it is sent") { server.isHeld("submitSecondFactor") }
        _ = try await session.signIn(email: "bob@example.com", password: "x")
        server.letGo("submitSecondFactor")
        await fails(.nothingPending) { _ = try await step.value }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
        _ = try await session.submitSecondFactor(code: "2")
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, ["lkst_old", "lkst_new"])
    }

    func testASecondFactorThatIsSentTwiceSignsIn() async throws {
        let session = try session()
        server.play("login", pending("lkst_1"))
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        server.hold("submitSecondFactor")
        let first = Task { try await session.submitSecondFactor(code: "1") }
        await until("it is sent") { server.isHeld("submitSecondFactor") }
        server.play("submitSecondFactor", .response(TestServer.gone()))
        let second = Task { try await session.submitSecondFactor(code: "1") }
        await until("both are sent") { server.isHeld("submitSecondFactor", times: 2) }
        server.letGo("submitSecondFactor")
        guard case .signedIn = try await first.value else { return XCTFail("not signed in") }
        await fails(.nothingPending) { _ = try await second.value }
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testWhatTheAppDropsDoesNotComeBack() async throws {
        let session = try await signedIn()
        server.play("login", pending("lkst_1"), pending("lkst_2"))
        _ = try await session.signIn(email: "bob@example.com", password: "x")
        await session.cancelPending()
        await fails(.nothingPending) { _ = try await session.submitSecondFactor(code: "1") }
        server.hold("login")
        let login = await begin(session)
        await session.cancelPending()
        server.letGo("login")
        await fails(.nothingPending) { _ = try await login.value }
        await fails(.nothingPending) { _ = try await session.submitSecondFactor(code: "1") }
        XCTAssertEqual(server.count("submitSecondFactor"), 0)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testTheEndOfTheSessionLeavesWhatIsPending() async throws {
        let session = try await signedIn()
        server.play("login", pending("lkst_1"))
        _ = try await session.signIn(email: "bob@example.com", password: "x")
        server.end("session_ended")
        clock.advance(301)
        let ended = await call(session)
        XCTAssertEqual(ended, .failure(.signedOut(EndReason(code: "session_ended"))))
        guard case .signedIn = try await session.submitSecondFactor(code: "1") else { return XCTFail("not signed in") }
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, ["lkst_1"])
    }

    func testASignInOverASessionThatCannotBeStoredLeavesIt() async throws {
        let session = try await signedIn()
        let before = keychain.contents
        keychain.condition = .rejectingWrites
        server.play("endSession", .response(TestServer.unauthorized()))
        await fails(.store(.failed(code: -61))) { _ = try await session.signIn(email: "bob@example.com", password: "x") }
        keychain.condition = .unlocked
        XCTAssertEqual(keychain.contents, before)
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        await until("the new one ends") { server.requests("endSession").map { $0.headers["Authorization"] } == ["Bearer " + TestServer.access(3)] }
    }

    func testASignOutLeavesASignInThatBeganAfterIt() async throws {
        let session = try await signedIn()
        server.hold("endSession")
        server.play("endSession", .response(TestServer.unauthorized()), .response(TestServer.unauthorized()))
        let out = Task { try await session.signOut() }
        await until("the server knows") { server.isHeld("endSession") }
        guard case .signedIn = try await session.signIn(email: "bob@example.com", password: "x") else { return XCTFail("not signed in") }
        server.letGo("endSession")
        try await out.value
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testASignOutThatWaitsForTheLockLeavesASignInThatBeganAfterIt() async throws {
        let locks = CountingLocks()
        var options = SessionOptions()
        (options.transport, options.clock) = (server, clock)
        let store = KeychainTokenStore(identity: "waiting", keychain: keychain, locks: locks)
        let session = try Session(server: URL(string: "https://auth.example.com")!, store: store, options: options)
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        server.play("endSession", .response(TestServer.unauthorized()), .response(TestServer.unauthorized()))

        let lease = locks.tryLock(.change)
        let out = Task { try await session.signOut() }
        await until("it waits") { locks.refusals > 0 }
        let login = Task { try await session.signIn(email: "bob@example.com", password: "x") }
        await until("the sign-in is answered") { server.count("login") == 2 }
        lease?.release()
        guard case .signedIn = try await login.value else { return XCTFail("not signed in") }
        try await out.value
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testSeveralSessionsThatAreOverWaitInTheStore() async throws {
        let session = try await signedIn()
        let isOver = TestServer.Played.response(TestServer.unauthorized())
        server.play("endSession", isOver, isOver, isOver, isOver)
        server.hold("endSession")
        for _ in 0..<2 { _ = try await session.signIn(email: "bob@example.com", password: "x") }
        await until("both are stored") { keychain.contents.keys.filter { $0.hasPrefix("revocation") }.count == 2 }
        server.letGo("endSession")
        await until("the server knows of both") { !keychain.contents.keys.contains { $0.hasPrefix("revocation") } }
        let tokens = Set(server.requests("endSession").compactMap { $0.headers["Authorization"] })
        XCTAssertEqual(tokens, ["Bearer " + TestServer.access(2), "Bearer " + TestServer.access(3)])
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testAnAddressOfTheUserIsVerifiedByTheSession() async throws {
        let session = try await signedIn()
        let list = #"{"status":200,"data":[]}"#
        let verify = { TestServer.Played.response(TestServer.unauthorized(pending: "verify_email", sessionToken: "lkst_abandoned")) }
        server.play("signup", verify())
        _ = try await session.signUp(email: "abandoned@example.com", password: "x")
        server.play("addEmailAddress", .response(TestServer.json(200, list)), .response(TestServer.json(200, list)))
        _ = try await session.api.addEmailAddress(.init(body: .init(email: "second@example.com")))
        server.play("verifyEmail", .response(TestServer.proved()), .response(TestServer.proved()))
        _ = try await session.api.verifyEmail(.init(body: .init(key: "x")))

        server.play("signup", verify())
        _ = try await session.signUp(email: "again@example.com", password: "x") // begun last
        _ = try await session.api.verifyEmail(.init(body: .init(key: "x")))
        XCTAssertEqual(server.requests("verifyEmail").map { $0.headers["X-Session-Token"] }, [nil, "lkst_abandoned"])
        XCTAssertEqual(server.requests("verifyEmail").map { $0.headers["Authorization"] != nil }, [true, false])
    }
}
