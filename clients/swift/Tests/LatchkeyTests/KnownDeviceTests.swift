import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

/// The device token: what says at a sign-in that this device has signed in before.
final class KnownDeviceTests: SessionTestCase, @unchecked Sendable {
    private let header = "X-Latchkey-Device"

    private func sent(_ operation: String) -> [String?] { server.requests(operation).map { $0.headers[header] } }

    func testItIsSentByLaterSignInsAlsoAfterASignOutAndByNothingElse() async throws {
        let session = try await signedIn()
        clock.advance(301)
        _ = await call(session)
        _ = try? await session.api.getSession() // its path is that of sign-ins
        try await session.signOut()
        let next = try await signedIn() // the next launch
        try await next.signOut()
        _ = try await session.api.refreshToken(.init(idempotencyKey: "12345678", body: .init(refresh: "refresh-1")))
        _ = try await session.api.exchangeSessionToken(.init(idempotencyKey: "12345678"))
        XCTAssertEqual(sent("login"), [nil, "lkdt_2"])
        XCTAssertGreaterThan(server.count("refreshToken"), 1)
        XCTAssertEqual(server.count("exchangeSessionToken"), 1)
        XCTAssertEqual(server.count("getSession"), 1)
        XCTAssertEqual(server.log.filter { $0.operation != "login" && $0.headers[header] != nil }.map(\.operation), [])
    }

    func testEveryStepOfASignInSendsIt() async throws {
        try await signedIn().signOut()
        let session = try session()
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        _ = try await session.signIn(email: "ada@example.com", password: "x")
        _ = try await session.submitSecondFactor(code: "123456")
        XCTAssertEqual(sent("login"), [nil, "lkdt_2"])
        XCTAssertEqual(sent("submitSecondFactor"), ["lkdt_2"])
    }

    func testItIsThatOfTheLastSignIn() async throws {
        try await signedIn().signOut()
        try await signedIn().signOut()
        _ = try await signedIn()
        XCTAssertEqual(sent("login"), [nil, "lkdt_2", "lkdt_3"])
    }

    func testThatOfASignInThatCameTooLateIsNotKept() async throws {
        let session = try session()
        server.hold("login")
        let login = Task { try await session.signIn(email: "ada@example.com", password: "x") }
        await until("it is under way") { server.isHeld("login") }
        try await session.signOut()
        server.letGo("login")
        do {
            _ = try await login.value
            XCTFail("signed in")
        } catch { XCTAssertEqual(error as? SessionError, .nothingPending) }
        XCTAssertNil(keychain.contents["device"])
    }

    func testItGoesWithADeletedAccount() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.end("account_deleted")
        let result = await call(session)
        XCTAssertEqual(result, .failure(.signedOut(EndReason(code: "account_deleted"))))
        XCTAssertEqual(Set(keychain.contents.keys), ["probe"])
    }

    func testAReinstallForgetsItOrKeepsIt() async throws {
        for (policy, expected) in [(ReinstallPolicy.clear, nil), (.keep, "lkdt_2")] as [(ReinstallPolicy, String?)] {
            keychain.contents = ["probe": "1", "device": "lkdt_2"] // signed out, and the app deleted
            _ = try await signedIn { ($0.installMarker, $0.reinstallPolicy) = (TestMarker(), policy) }
            XCTAssertEqual(sent("login").last, expected)
        }
    }

    func testWhatFitsIntoNoHeaderIsLeftOut() async throws {
        for text in ["lkdt_\n1", "lkdt 1", "lkdt_\u{e9}", String(repeating: "x", count: 257)] {
            keychain.contents["device"] = text
            let session = try await signedIn()
            XCTAssertEqual(sent("login").last, .some(nil))
            try await session.signOut()
        }
        let told = #"{"status":200,"data":{"user":{"id":7,"display":"ada","has_usable_password":true},"methods":[]},"meta":{"is_authenticated":true,"access_token":"\#(TestServer.access(1))","refresh_token":"refresh-1","device_token":"lkdt 1"}}"#
        keychain.contents["device"] = nil
        server.play("login", .response(TestServer.json(200, told)))
        _ = try await signedIn()
        XCTAssertNil(keychain.contents["device"])
    }

    func testAStoreThatCannotKeepItStopsNoSignIn() async throws {
        let session = try Session(server: URL(string: "https://auth.example.com")!, store: DevicelessStore(), options: options())
        for _ in 0..<2 {
            guard case .signedIn = try await session.signIn(email: "ada@example.com", password: "x") else { return XCTFail("not signed in") }
            try await session.signOut()
        }
        XCTAssertEqual(sent("login"), [nil, nil])
    }

    private func options() -> SessionOptions {
        var options = SessionOptions()
        (options.transport, options.clock, options.lockPatience) = (server, clock, 0.05)
        return options
    }
}

/// A store that fails for device tokens alone.
private final class DevicelessStore: TokenStore {
    private let store = MemoryTokenStore()

    var identity: String { "deviceless" }

    func read(_ item: StoreItem) throws(StoreError) -> String? {
        if item == .device { throw .failed(code: 1) }
        return store.read(item)
    }

    func write(_ text: String, to item: StoreItem) throws(StoreError) {
        if item == .device { throw .failed(code: 1) }
        store.write(text, to: item)
    }

    func delete(_ item: StoreItem) throws(StoreError) {
        if item == .device { throw .failed(code: 1) }
        store.delete(item)
    }

    func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease? { store.tryLock(scope) }
}
