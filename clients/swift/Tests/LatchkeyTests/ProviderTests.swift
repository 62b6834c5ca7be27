import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

final class ProviderTests: SessionTestCase, @unchecked Sendable {
    private let google = ProviderCredential.google(clientID: "id.apps.googleusercontent.com", idToken: "google-token")

    private func sent() throws -> ProviderTokenRequest? {
        try server.requests("submitProviderToken").last?.body.map { try JSONDecoder().decode(ProviderTokenRequest.self, from: $0) }
    }

    private func fails(_ expected: SessionError, line: UInt = #line, _ call: () async throws -> Void) async {
        do {
            try await call()
            XCTFail("no error", line: line)
        } catch { XCTAssertEqual(error as? SessionError, expected, line: line) }
    }

    func testAPromptIsGivenANonceOfTheServers() async throws {
        let (session, prompt) = (try session(), TestPrompt())
        guard case .signedIn = try await session.signIn(with: prompt) else { return XCTFail("not signed in") }
        XCTAssertEqual(prompt.asked, ["apple 5a1b"])
        let token = ProviderToken(clientId: "com.example.app", idToken: "id-token", nonce: "raw", authorizationCode: "c0de", name: "Ada Lovelace")
        XCTAssertEqual(try sent(), ProviderTokenRequest(provider: "apple", process: "login", token: token))
        XCTAssertTrue(keychain.contents.keys.contains { $0.hasPrefix("slot") })
    }

    /// A prompt that names its nonce knows better than the session.
    private struct OwnNonce: ProviderPrompt {
        func credential(nonce: ProviderNonce) async throws(PromptError) -> ProviderCredential {
            let own = ProviderNonce(nonce: "own", nonceSha256: "", expiresAt: 0)
            return ProviderCredential(provider: "oidc", clientID: "id", idToken: "id-token", nonce: own)
        }
    }

    func testANonceThatAPromptNamesIsKept() async throws {
        let session = try session()
        _ = try await session.signIn(with: OwnNonce())
        XCTAssertEqual(try sent()?.token.nonce, "own")
        try await session.connect(with: TestPrompt())
        XCTAssertEqual(try sent()?.token.nonce, "raw")
    }

    func testADismissedPromptSubmitsNothing() async throws {
        let nobody = try session(on: TestKeychain())
        await fails(.prompt(.cancelled)) { _ = try await nobody.signIn(with: TestPrompt(.cancelled)) }
        let session = try await signedIn()
        await fails(.prompt(.cancelled)) { try await session.connect(with: TestPrompt(.cancelled)) }
        XCTAssertEqual(server.count("submitProviderToken"), 0)
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testWhatIsPendingIsAValueAndGoesOn() async throws {
        let session = try session()
        server.play("submitProviderToken", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        guard case .pending(let flows) = try await session.signIn(with: google) else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["mfa_authenticate"])
        guard case .signedIn = try await session.submitSecondFactor(code: "1") else { return XCTFail("not signed in") }
        XCTAssertEqual(server.requests("submitSecondFactor").first?.headers["X-Session-Token"], "lkst_1")
    }

    /// The session that is there is not shown to the server, which would end it at the first step.
    func testASignInLeavesTheSessionUntilItIsComplete() async throws {
        let session = try await signedIn()
        let before = keychain.contents
        server.play("submitProviderToken", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        guard case .pending = try await session.signIn(with: google) else { return XCTFail("not pending") }
        XCTAssertEqual(keychain.contents, before)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        XCTAssertNil(server.requests("submitProviderToken").first?.headers["Authorization"])
        XCTAssertNil(server.requests("submitProviderToken").first?.headers["X-Session-Token"])

        server.play("endSession", .response(TestServer.unauthorized()))
        guard case .signedIn = try await session.submitSecondFactor(code: "1") else { return XCTFail("not signed in") }
        await until("the session before ends") { server.count("endSession") == 1 }
        XCTAssertEqual(server.requests("endSession").first?.headers["Authorization"], "Bearer " + TestServer.access(2))
    }

    func testTheRawOperationCannotCostTheSession() async throws {
        let session = try await signedIn()
        let before = keychain.contents
        keychain.condition = .rejectingWrites
        let token = ProviderToken(clientId: "id", idToken: "google-token")
        for process in ["login", "", "anything"] {
            server.play("endSession", .response(TestServer.unauthorized()))
            do {
                _ = try await session.api.submitProviderToken(.init(body: .init(provider: "google", process: process, token: token)))
                XCTFail("signed in")
            } catch { XCTAssertEqual(error.session, .store(.failed(code: -61))) }
            XCTAssertNil(server.requests("submitProviderToken").last?.headers["Authorization"])
        }
        keychain.condition = .unlocked
        XCTAssertEqual(keychain.contents, before)
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testAnIdTokenIsNotUsedUpWhereTheStoreCannotBeRead() async throws {
        let session = try await signedIn()
        try await session.signOut()
        keychain.condition = .locked
        await fails(.locked) { _ = try await session.signIn(with: google) }
        XCTAssertEqual(server.count("submitProviderToken"), 0)
        keychain.condition = .unlocked
        guard case .signedIn = try await session.signIn(with: google) else { return XCTFail("not signed in") }
    }

    func testASignOutByAnotherProcessIsNoticed() async throws {
        let (session, other) = (try await signedIn(), try session())
        try await other.signOut()
        guard case .signedIn = try await session.signIn(with: google) else { return XCTFail("not signed in") }
        XCTAssertNil(server.requests("submitProviderToken").first?.headers["Authorization"])
    }

    func testADisabledAccountIsAProblem() async throws {
        let session = try session()
        server.play("submitProviderToken", .response(TestServer.unauthorized()))
        await fails(.problem(status: 401, [])) { _ = try await session.signIn(with: google) }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
    }

    func testConnectingMayAskForAProofFirst() async throws {
        let session = try await signedIn()
        // A forgotten password is being reset in this session: that pending step is nobody's sign-in.
        let again = #"{"status":401,"data":{"flows":[{"id":"reauthenticate"},{"id":"password_reset_by_code","is_pending":true}]},"meta":{"is_authenticated":true,"session_token":"lkst_1"}}"#
        server.play("submitProviderToken", .response(TestServer.json(401, again)), .response(TestServer.proved()))
        await fails(.reauthenticate([Flow(id: "reauthenticate"), Flow(id: "password_reset_by_code", isPending: true)])) { try await session.connect(google) }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        try await session.connect(google)
        XCTAssertEqual(try sent()?.process, "connect")
    }

    func testNobodyConnectsAnything() async throws {
        let nobody = try session()
        await fails(.signedOut(nil)) { try await nobody.connect(google) }
        XCTAssertEqual(server.count("submitProviderToken"), 0)
        let session = try await signedIn()
        clock.advance(301)
        server.end("session_ended")
        server.play("submitProviderToken", .response(TestServer.unauthorized()))
        await fails(.signedOut(EndReason(code: "session_ended"))) { try await session.connect(google) }
    }

    func testANonceNeedsNoSession() async throws {
        let session = try await signedIn()
        let nonce = try await session.providerNonce()
        XCTAssertEqual(nonce.nonce, "raw")
        XCTAssertNil(server.requests("createProviderNonce").first?.headers["Authorization"])
    }

    func testAServiceProvesWhoIsSignedIn() async throws {
        let (session, prompt) = (try await signedIn(), TestPrompt())
        server.play("submitProviderToken", .response(TestServer.proved()))
        try await session.reauthenticate(byService: prompt)
        XCTAssertEqual(prompt.asked, ["apple 5a1b"])
        XCTAssertEqual(try sent()?.process, "reauthenticate")
        XCTAssertEqual(try sent()?.token.nonce, "raw")
        for operation in ["createProviderNonce", "submitProviderToken"] {
            XCTAssertNotNil(server.requests(operation).last?.headers["Authorization"], operation)
        }
        await fails(.prompt(.cancelled)) { try await session.reauthenticate(byService: TestPrompt(.cancelled)) }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testACodeThatIsSentProvesWhoIsSignedIn() async throws {
        let session = try await signedIn()
        server.play("requestReauthenticationCode", .response(TestServer.json(200, #"{"status":200}"#)))
        try await session.sendReauthenticationCode()
        server.play("confirmReauthenticationCode", .response(TestServer.problem(400, "incorrect_code")), .response(TestServer.proved()))
        await fails(.problem(status: 400, [Problem(code: "incorrect_code", message: "No.")])) { try await session.reauthenticate(sentCode: "x") }
        try await session.reauthenticate(sentCode: "BCDF-GHJK")
        XCTAssertNotNil(server.requests("confirmReauthenticationCode").last?.headers["Authorization"])
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testACredentialIsNotShown() {
        var text = "\(google) \(String(reflecting: google))"
        dump(google, to: &text)
        XCTAssertFalse(text.contains("google-token"), text)
        XCTAssertTrue(text.contains("google"))
    }
}
