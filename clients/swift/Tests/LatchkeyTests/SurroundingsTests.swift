import Foundation
@testable import Latchkey
import LatchkeyAPI
import LatchkeyTesting
import XCTest

/// What is around a session: the system that suspends it, what prints it, screens, an app's tests.
final class SurroundingsTests: SessionTestCase, @unchecked Sendable {
    /// A system that says when it suspends the process.
    private final class System: @unchecked Sendable {
        private let expired = Locked<(@Sendable () -> Void)?>(nil)

        var activities: BackgroundActivities {
            BackgroundActivities { [expired] _, stop in
                expired.withLock { $0 = stop }
                return {}
            }
        }

        func suspend() { expired.withLock { $0 }?() }
    }

    func testASuspendedProcessHoldsNoLock() async throws {
        let (store, system) = (MemoryTokenStore(), System())
        var options = SessionOptions()
        (options.transport, options.clock, options.activities) = (server, clock, system.activities)
        let session = try Session(server: URL(string: "https://auth.example.com")!, store: store, options: options)
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        clock.advance(301)

        server.hold("refreshToken")
        let task = Task { await call(session) }
        await until("it is sent") { server.isHeld("refreshToken") }
        XCTAssertNil(store.tryLock(.refresh))
        system.suspend()
        let lease = store.tryLock(.refresh)
        XCTAssertNotNil(lease, "the lock is free when the system is answered")
        lease?.release()
        server.letGo("refreshToken")
        _ = await task.value

        let after = await call(session)
        XCTAssertEqual(after, .success(200))
        XCTAssertEqual(Set(server.requests("refreshToken").map { $0.headers["Idempotency-Key"] }).count, 1)
    }

    func testAnExtensionHasLessTime() {
        XCTAssertEqual(RequestLimit.seconds(forBundleAt: "/private/App.app"), 15)
        XCTAssertEqual(RequestLimit.seconds(forBundleAt: "/private/App.app/PlugIns/Widget.appex"), 5)
    }

    func testALeaseIsReleasedOnce() {
        let count = Locked(0)
        let lease = StoreLease { count.withLock { $0 += 1 } }
        lease.release()
        lease.release()
        XCTAssertEqual(count.withLock { $0 }, 1)
    }

    func testNothingThatIsPrintedShowsAToken() async throws {
        let store = MemoryTokenStore()
        var options = SessionOptions()
        (options.transport, options.clock) = (FakeServer(accounts: [.init(), .init(email: "bob@example.com", secondFactor: "1")]), clock)
        let session = try Session(server: FakeServer.url, store: store, options: options)
        _ = try await session.signIn(email: "ada@example.com", password: "correct horse battery staple")
        _ = try await session.signIn(email: "bob@example.com", password: "correct horse battery staple")
        let snapshot = await session.snapshot()
        let record = TokenRecord(refreshToken: "refresh~1~1")
        let meta = try await session.api.login(.init(body: .init(email: "ada@example.com", password: "correct horse battery staple")))
        var text = ""
        let queue = await session.signOuts
        for thing in [session, session.api, store, options, snapshot, record, meta, Bearer(token: "refresh~1~1"), queue] as [Any] {
            print(thing, to: &text)
            debugPrint(thing, to: &text)
            dump(thing, to: &text)
        }
        for secret in ["refresh~", "eyJ", "lkst_", "correct horse"] { XCTAssertFalse(text.contains(secret), "\(secret) in \(text)") }
    }

    func testScreensSeeTheStateAtOnceAndTheUser() async throws {
        let session = try await signedIn()
        var snapshots = session.snapshots().makeAsyncIterator()
        let first = await snapshots.next()
        XCTAssertEqual(first?.state, .signedIn)
        XCTAssertEqual(first?.userID, 7)
        XCTAssertEqual(first?.user?.display, "ada")
        try await session.signOut()
        let second = await snapshots.next()
        XCTAssertEqual(second, SessionSnapshot(state: .signedOut(.user)))
    }

    func testAfterALaunchTheUserIsKnownWithTheFirstRefresh() async throws {
        _ = try await signedIn()
        let session = try session()
        var snapshots = session.snapshots().makeAsyncIterator()
        let first = await snapshots.next()
        XCTAssertEqual(first, SessionSnapshot(state: .signedIn, userID: 7))
        _ = await call(session)
        let second = await snapshots.next()
        XCTAssertEqual(second?.user?.display, "ada")
    }

    #if canImport(Combine)
    @MainActor
    func testTheModelFollowsTheSession() async throws {
        guard #available(iOS 17, macOS 14, watchOS 10, tvOS 17, visionOS 1, *) else { return }
        let session = try session()
        let model = SessionModel(session)
        XCTAssertNil(model.state)
        await until("the store was read") { await MainActor.run { model.state == .signedOut(nil) } }
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        await until("the user is there") { await MainActor.run { model.isSignedIn && model.user?.display == "ada" } }
    }
    #endif

    func testEveryErrorHasASentence() {
        let errors: [SessionError] = [
            .signedOut(nil), .signedOut(.user), .locked, .store(.failed(code: -34018)), .store(.locked), .store(.damaged), .store(.tooLarge(bytes: 9)),
            .store(.lockUnavailable), .network(.timedOut), .network(.insecureAddress), .network(.invalidAddress("it has no scheme")),
            .network(.untrustedServer), .network(.badAnswer), .network(.network(code: 1)), .unavailable(status: nil, code: nil, retryAfter: 3.2),
            .unavailable(status: 503, code: nil, retryAfter: nil), .undocumented(status: 200), .problem(status: 401, []), .unlockCancelled, .unlockFailed,
            .reauthenticate([]), .prompt(.cancelled), .prompt(.alreadyRegistered), .prompt(.unavailable), .prompt(.failed(code: 7)), .nothingPending,
            .cancelled, .foreignHost,
        ] + UnlockUnavailable.allCases.map { .unlockUnavailable($0) }
        for error in errors {
            XCTAssertFalse(error.localizedDescription.contains("SessionError"), "\(error): \(error.localizedDescription)")
            XCTAssertTrue(error.localizedDescription.hasSuffix("."), error.localizedDescription)
        }
        let wrong = SessionError.problem(status: 400, [Problem(code: "incorrect_code", message: "Incorrect code.")])
        XCTAssertEqual((wrong as any Error).localizedDescription, "Incorrect code.")
        XCTAssertTrue(SessionError.store(.failed(code: -34018)).localizedDescription.contains("entitlement"))
    }

    func testAStoreThatOutlivesTheAppHasAMarkerByItself() async throws {
        let marker = TestMarker()
        let store = KeychainTokenStore(identity: "marked", keychain: keychain, locks: MemoryTokenStore(), installMarker: marker)
        _ = try await signedIn()
        var options = SessionOptions()
        (options.transport, options.clock) = (server, clock)
        let session = try Session(server: URL(string: "https://auth.example.com")!, store: store, options: options)
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(.reinstalled))
        XCTAssertEqual(try marker.wasSignedIn(), false)
    }

    // MARK: the server for the tests of an app

    func testTheFakeServerSignsInRefreshesAndEnds() async throws {
        let fake = FakeServer(accounts: [.init(email: "ada@example.com", password: "pw", secondFactor: "123456")])
        var options = SessionOptions()
        (options.transport, options.clock) = (fake, clock)
        let session = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
        guard case .pending = try await session.signIn(email: "ada@example.com", password: "pw") else { return XCTFail("not pending") }
        guard case .signedIn(let user) = try await session.submitSecondFactor(code: "123456") else { return XCTFail("not signed in") }
        XCTAssertEqual(user.email, "ada@example.com")
        for _ in 0..<3 {
            fake.expireAccessTokens()
            let result = await call(session)
            XCTAssertEqual(result, .success(200))
        }
        fake.setOffline(true)
        let offline = await call(session)
        XCTAssertEqual(offline, .failure(.network(.network(code: -1009))))
        fake.setOffline(false)
        fake.endSessions(code: "password_changed")
        clock.advance(301)
        let ended = await call(session)
        XCTAssertEqual(ended, .failure(.signedOut(EndReason(code: "password_changed"))))
        guard case .signedIn = try await session.signUp(email: "bob@example.com", password: "x") else { return XCTFail("not signed up") }
        fake.answer("listSessions", with: #"{"status":200,"data":[]}"#)
        guard case .ok(let list) = try await session.api.listSessions() else { return XCTFail("no answer") }
        XCTAssertEqual(list.data.count, 0)
        try await session.signOut()
        XCTAssertEqual(fake.operations.last, "endSession")
    }

    func testTheFakeServerExchangesASessionTokenOnce() async throws {
        let fake = FakeServer()
        let token = try XCTUnwrap(fake.sessionToken(of: "ada@example.com"))
        XCTAssertNil(fake.sessionToken(of: "nobody@example.com"))
        var options = SessionOptions()
        (options.transport, options.clock) = (fake, clock)
        let session = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
        try await session.adopt(sessionToken: token)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))

        let another = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
        for (token, code) in [(token, "refresh_token_reused"), ("lkst_unknown", "session_token_invalid")] {
            do {
                try await another.adopt(sessionToken: token)
                XCTFail("adopted")
            } catch { XCTAssertEqual(error, .signedOut(EndReason(code: code))) }
        }
        clock.advance(301)
        let ended = await call(session)
        XCTAssertEqual(ended, .failure(.signedOut(EndReason(code: "refresh_token_reused"))))
    }
}
