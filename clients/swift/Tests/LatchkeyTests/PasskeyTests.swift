import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

final class PasskeyTests: SessionTestCase, @unchecked Sendable {
    private func fails(_ expected: SessionError, line: UInt = #line, _ call: () async throws -> Void) async {
        do {
            try await call()
            XCTFail("no error", line: line)
        } catch { XCTAssertEqual(error as? SessionError, expected, line: line) }
    }

    private func body(_ operation: String) -> JSONValue? {
        server.requests(operation).last?.body.flatMap { try? JSONDecoder().decode(JSONValue.self, from: $0) }
    }

    func testAPasskeySignsInWithTheSessionThatItsOptionsCameWith() async throws {
        let (session, prompt) = (try session(), TestPrompt())
        guard case .signedIn(let user) = try await session.signInWithPasskey(prompt) else { return XCTFail("not signed in") }
        XCTAssertEqual(user.id, 7)
        XCTAssertEqual(prompt.asked, ["assert"])
        XCTAssertNil(server.requests("getPasskeyLoginOptions").first?.headers["X-Session-Token"])
        XCTAssertEqual(server.requests("loginByPasskey").map { $0.headers["X-Session-Token"] }, ["lkst_options"])
        XCTAssertEqual(body("loginByPasskey"), .object(["credential": TestPrompt.shown]))
        XCTAssertTrue(keychain.contents.keys.contains { $0.hasPrefix("slot") })
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testOptionsWithoutAPublicKeyAreNoAnswerOfOurs() async throws {
        let (session, prompt) = (try session(), TestPrompt())
        server.play("getPasskeyLoginOptions", .response(TestServer.json(200, #"{"status":200,"data":{"request_options":{"challenge":"AQI"}}}"#)))
        await fails(.undocumented(status: 200)) { _ = try await session.signInWithPasskey(prompt) }
        XCTAssertEqual(prompt.asked, [])
    }

    /// Options that were asked for before a sign-in are answered after it.
    func testLateOptionsLeaveTheSignInThatIsPending() async throws {
        let session = try session()
        server.hold("getPasskeyLoginOptions")
        server.play("loginByPasskey", .response(TestServer.problem(400, "incorrect_code")))
        let passkey = Task { try await session.signInWithPasskey(TestPrompt()) }
        await until("the options are asked for") { server.isHeld("getPasskeyLoginOptions") }
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        guard case .pending = try await session.signIn(email: "a@example.com", password: "x") else { return XCTFail("not pending") }
        server.letGo("getPasskeyLoginOptions")
        await fails(.problem(status: 400, [Problem(code: "incorrect_code", message: "No.")])) { _ = try await passkey.value }
        guard case .signedIn = try await session.submitSecondFactor(code: "1") else { return XCTFail("not signed in") }
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, ["lkst_1"])
    }

    func testAPasskeyThatCannotBeStoredSignsNobodyIn() async throws {
        let session = try session()
        _ = await session.state() // makes the probe
        keychain.condition = .rejectingWrites
        await fails(.store(.failed(code: -61))) { _ = try await session.signInWithPasskey(TestPrompt()) }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
    }

    func testWhatIsPendingAfterAPasskeyIsAValue() async throws {
        let session = try session()
        server.play("loginByPasskey", .response(TestServer.unauthorized(pending: "verify_email")))
        guard case .pending(let flows) = try await session.signInWithPasskey(TestPrompt()) else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["verify_email"])
        _ = try await session.api.verifyEmail(.init(body: .init(key: "x")))
        XCTAssertEqual(server.requests("verifyEmail").first?.headers["X-Session-Token"], "lkst_options")
    }

    func testAPasskeyThatIsNotTakenIsAProblem() async throws {
        let session = try session()
        server.play("loginByPasskey", .response(TestServer.problem(400, "incorrect_code")))
        await fails(.problem(status: 400, [Problem(code: "incorrect_code", message: "No.")])) {
            _ = try await session.signInWithPasskey(TestPrompt())
        }
        guard case .signedIn = try await session.signInWithPasskey(TestPrompt()) else { return XCTFail("not signed in") }
        XCTAssertEqual(server.count("getPasskeyLoginOptions"), 2)
    }

    func testAPasskeyThatIsNotShownLeavesTheSignInThatIsPending() async throws {
        let session = try session()
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_old")))
        _ = try await session.signIn(email: "a@example.com", password: "x")
        await fails(.prompt(.cancelled)) { _ = try await session.signInWithPasskey(TestPrompt(.cancelled)) }
        guard case .signedIn = try await session.submitSecondFactor(code: "1") else { return XCTFail("not signed in") }
        XCTAssertEqual(server.requests("getPasskeyLoginOptions").map { $0.headers["X-Session-Token"] }, [nil])
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, ["lkst_old"])
    }

    func testAPromptThatBringsNothingEndsNothing() async throws {
        for error in [PromptError.cancelled, .unavailable, .alreadyRegistered, .failed(code: 1004)] {
            let prompt = TestPrompt(error)
            let nobody = try session(on: TestKeychain())
            await fails(.prompt(error)) { _ = try await nobody.signInWithPasskey(prompt) }
            server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
            _ = try await nobody.signIn(email: "a@example.com", password: "x")
            await fails(.prompt(error)) { _ = try await nobody.submitSecondFactor(with: prompt) }
            await fails(.prompt(error)) { _ = try await nobody.finishSignUp(with: prompt) }
            let ada = try await signedIn()
            var changes = ada.changes().makeAsyncIterator()
            await fails(.prompt(error)) { _ = try await ada.addPasskey(with: prompt) }
            await fails(.prompt(error)) { try await ada.reauthenticate(with: prompt) }
            let state = await ada.state()
            XCTAssertEqual(state, .signedIn)
            let result = await call(ada)
            XCTAssertEqual(result, .success(200))
            try await ada.signOut()
            let first = await changes.next()
            XCTAssertEqual(first, .signedOut(.user), "nothing before that")
        }
        for operation in ["loginByPasskey", "submitSecondFactorCredential", "completePasskeySignup", "addCredential", "reauthenticateByCredential"] {
            XCTAssertEqual(server.count(operation), 0, operation)
        }
        XCTAssertEqual(SessionError.prompt(.cancelled).action, .retry)
        XCTAssertEqual(SessionError.prompt(.unavailable).action, .show)
    }

    func testASignUpEndsWithItsPasskey() async throws {
        let (session, prompt) = (try session(), TestPrompt())
        server.play("signupByPasskey", .response(TestServer.unauthorized(pending: "verify_email", sessionToken: "lkst_1")))
        guard case .pending(let flows) = try await session.signUpWithPasskey(email: "ada@example.com") else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["verify_email"])
        server.play("getPasskeySignupOptions", .response(TestServer.problem(409, "flow_not_pending")))
        await fails(.problem(status: 409, [Problem(code: "flow_not_pending", message: "No.")])) { _ = try await session.finishSignUp(with: prompt) }
        XCTAssertEqual(prompt.asked, [])
        guard case .signedIn = try await session.finishSignUp(with: prompt, name: "phone") else { return XCTFail("not signed in") }
        XCTAssertEqual(prompt.asked, ["create"])
        XCTAssertEqual(body("completePasskeySignup"), .object(["credential": TestPrompt.shown, "name": .string("phone")]))
        XCTAssertEqual(server.requests("completePasskeySignup").first?.headers["X-Session-Token"], "lkst_1")
    }

    func testASignUpThatIsOverSaysSo() async throws {
        let session = try session()
        server.play("signupByPasskey", .response(TestServer.unauthorized(pending: "verify_email", sessionToken: "lkst_1")))
        _ = try await session.signUpWithPasskey(email: "ada@example.com")
        server.play("completePasskeySignup", .response(TestServer.gone()))
        await fails(.nothingPending) { _ = try await session.finishSignUp(with: TestPrompt()) }
        await fails(.nothingPending) { _ = try await session.finishSignUp(with: TestPrompt()) }
        XCTAssertEqual(server.requests("getPasskeySignupOptions").map { $0.headers["X-Session-Token"] }, ["lkst_1"])
    }

    func testAddingAPasskeyMayAskForAProofFirst() async throws {
        let (session, prompt) = (try await signedIn(), TestPrompt())
        server.play("getCreationOptions", .response(TestServer.unauthorized(authenticated: true)))
        await fails(.reauthenticate([Flow(id: "login")])) { _ = try await session.addPasskey(with: prompt) }
        XCTAssertEqual(SessionError.reauthenticate([]).action, .reauthenticate)
        XCTAssertEqual(prompt.asked, [])
        server.play("reauthenticateBySecondFactor", .response(TestServer.proved()))
        try await session.reauthenticate(code: "123456")
        let added = #"{"status":200,"data":{"type":"webauthn","created_at":1,"last_used_at":null,"id":3},"meta":{"recovery_codes_generated":true}}"#
        server.play("addCredential", .response(TestServer.json(200, added)), .response(TestServer.json(200, added)))
        let key = try await session.addPasskey(with: prompt, name: "phone")
        XCTAssertEqual(key.authenticator.id, 3)
        XCTAssertTrue(key.recoveryCodesGenerated)
        _ = try await session.addPasskey(with: prompt, passwordless: false)
        XCTAssertEqual(server.requests("getCreationOptions").map { $0.query.map(\.name) }, [["passwordless"], ["passwordless"], []])
        XCTAssertEqual(server.count("refreshToken"), 0)
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testTheSecondFactorByCode() async throws {
        let session = try session()
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        _ = try await session.signIn(email: "a@example.com", password: "x")
        server.play("submitSecondFactor", .response(TestServer.problem(400, "incorrect_code")), .response(TestServer.unauthorized(pending: "verify_email")))
        await fails(.problem(status: 400, [Problem(code: "incorrect_code", message: "No.")])) { _ = try await session.submitSecondFactor(code: "1") }
        guard case .pending(let flows) = try await session.submitSecondFactor(code: "2") else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["verify_email"])
        guard case .signedIn = try await session.submitSecondFactor(code: "3") else { return XCTFail("not signed in") }
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, ["lkst_1", "lkst_1", "lkst_1"])
    }

    func testTheSecondFactorByKey() async throws {
        let (session, prompt) = (try session(), TestPrompt())
        server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
        _ = try await session.signIn(email: "a@example.com", password: "x")
        server.play("getSecondFactorOptions", .response(TestServer.unauthorized(pending: "verify_email")))
        guard case .pending(let flows) = try await session.submitSecondFactor(with: prompt) else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["verify_email"])
        XCTAssertEqual(prompt.asked, [])
        guard case .signedIn = try await session.submitSecondFactor(with: prompt) else { return XCTFail("not signed in") }
        XCTAssertEqual(prompt.asked, ["assert"])
        XCTAssertEqual(body("submitSecondFactorCredential"), .object(["credential": TestPrompt.shown]))
    }

    func testASecondFactorThatNobodyAskedForStartsOver() async throws {
        for session in [try session(), try await signedIn()] {
            await fails(.nothingPending) { _ = try await session.submitSecondFactor(code: "1") }
            await fails(.nothingPending) { _ = try await session.submitSecondFactor(with: TestPrompt()) }
            await fails(.nothingPending) { _ = try await session.finishSignUp(with: TestPrompt()) }
        }
        XCTAssertEqual(server.log.map(\.operation), ["login"])
        XCTAssertEqual(SessionError.nothingPending.action, .show)
    }

    func testASignInThatIsOverIsForgotten() async throws {
        let session = try session()
        for over in [TestServer.unauthorized(), TestServer.gone(), TestServer.problem(409, "flow_not_pending")] {
            server.play("login", .response(TestServer.unauthorized(pending: "mfa_authenticate", sessionToken: "lkst_1")))
            _ = try await session.signIn(email: "a@example.com", password: "x")
            server.play("submitSecondFactor", .response(TestServer.problem(400, "incorrect_code")), .response(over))
            await fails(.problem(status: 400, [Problem(code: "incorrect_code", message: "No.")])) { _ = try await session.submitSecondFactor(code: "1") }
            await fails(.nothingPending) { _ = try await session.submitSecondFactor(code: "1") }
            await fails(.nothingPending) { _ = try await session.submitSecondFactor(code: "1") }
        }
        XCTAssertEqual(server.requests("submitSecondFactor").map { $0.headers["X-Session-Token"] }, Array(repeating: "lkst_1", count: 6))
    }

    func testASignInThatIsRefusedWithoutAStepIsAProblem() async throws {
        let session = try session()
        for operation in ["login", "signup", "loginByPasskey", "signupByPasskey"] { server.play(operation, .response(TestServer.unauthorized())) }
        await fails(.problem(status: 401, [])) { _ = try await session.signIn(email: "a@example.com", password: "x") }
        await fails(.problem(status: 401, [])) { _ = try await session.signUp(email: "a@example.com", password: "x") }
        await fails(.problem(status: 401, [])) { _ = try await session.signInWithPasskey(TestPrompt()) }
        await fails(.problem(status: 401, [])) { _ = try await session.signUpWithPasskey(email: "a@example.com") }
    }

    func testProvingItAgainSignsNobodyOut() async throws {
        let (session, prompt) = (try await signedIn(), TestPrompt())
        server.play("reauthenticate", .response(TestServer.proved()), .response(TestServer.problem(400, "incorrect_password")))
        try await session.reauthenticate(password: "x")
        await fails(.problem(status: 400, [Problem(code: "incorrect_password", message: "No.")])) { try await session.reauthenticate(password: "y") }
        server.play("reauthenticateByCredential", .response(TestServer.proved()))
        try await session.reauthenticate(with: prompt)
        XCTAssertEqual(prompt.asked, ["assert"])
        server.play("reauthenticateBySecondFactor", .response(TestServer.gone()))
        await fails(.unavailable(status: 410, code: nil, retryAfter: nil)) { try await session.reauthenticate(code: "1") }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        XCTAssertTrue(server.requests("reauthenticate").allSatisfy { $0.headers["Authorization"] != nil })
    }
}
