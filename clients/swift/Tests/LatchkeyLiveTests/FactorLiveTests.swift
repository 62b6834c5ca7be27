import Foundation
import Latchkey
import LatchkeyAPI
import XCTest
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Second factors, passkeys and other services, against the server at LATCHKEY_URL and the Apple
/// and the Google at LATCHKEY_SERVICES that it believes.
final class FactorLiveTests: XCTestCase, @unchecked Sendable {
    private struct Token: Decodable {
        let id_token, client_id: String
        let code: String?
    }

    private func address(_ name: String) throws -> URL {
        guard let text = ProcessInfo.processInfo.environment[name], let url = URL(string: text) else {
            throw XCTSkip("\(name) names no server")
        }
        return url
    }

    private func session() throws -> Session { try Session(server: address("LATCHKEY_URL"), store: MemoryTokenStore()) }

    private func newAddress() -> String { "swift-\(UUID().uuidString.lowercased())@example.com" }

    /// What a service gives to an app whose person has this address there. Without a nonce two
    /// tokens of one second would be the same, and the second refused.
    private func credential(
        _ provider: String, _ email: String, nonce given: ProviderNonce? = nil, shown: Bool = true
    ) async throws -> ProviderCredential {
        let nonce: ProviderNonce
        if let given { nonce = given } else { nonce = try await session().providerNonce() }
        var request = URLRequest(url: try address("LATCHKEY_SERVICES").appendingPathComponent("\(provider)/token-for"))
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = try JSONEncoder().encode(["email": email, "nonce": provider == "apple" ? nonce.nonceSha256 : nonce.nonce])
        let token = try JSONDecoder().decode(Token.self, from: try await URLSession.shared.data(for: request).0)
        let proof = shown ? nonce : nil
        return provider == "apple"
            ? .apple(clientID: token.client_id, identityToken: token.id_token, nonce: proof, authorizationCode: token.code, name: "Ada Lovelace")
            : .google(clientID: token.client_id, idToken: token.id_token, nonce: proof)
    }

    /// A person of Google's, whose address is verified thereby.
    private func signedIn(_ email: String) async throws -> Session {
        let session = try session()
        guard case .signedIn = try await session.signIn(with: credential("google", email)) else { throw SessionError.signedOut(nil) }
        return session
    }

    private func fails(_ code: String, line: UInt = #line, _ call: () async throws -> Void) async {
        do {
            try await call()
            XCTFail("no error", line: line)
        } catch {
            guard case SessionError.problem(400, let problems) = error else { return XCTFail("\(error)", line: line) }
            XCTAssertEqual(problems.map(\.code), [code], line: line)
        }
    }

    func testAppleAndGoogleSignIn() async throws {
        let (session, email) = (try session(), newAddress())
        let apple = try await credential("apple", email)
        guard case .signedIn(let user) = try await session.signIn(with: apple) else { return XCTFail("not signed in") }
        XCTAssertEqual(user.display, "Ada Lovelace")
        let google = try await credential("google", newAddress())
        try await session.connect(google)
        guard case .ok(let accounts) = try await session.api.listProviderAccounts() else { return XCTFail("no accounts") }
        XCTAssertEqual(Set(accounts.data.map(\.provider.id)), ["apple", "google"])
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        try await session.signOut()
        await fails("token_used") { _ = try await session.signIn(with: apple) } // it serves once
        let unproved = try await credential("apple", email, shown: false)
        await fails("nonce_required") { _ = try await session.signIn(with: unproved) }
        let forged = try await credential("apple", email, nonce: ProviderNonce(nonce: "x", nonceSha256: "y", expiresAt: 0))
        await fails("invalid_token") { _ = try await session.signIn(with: forged) }
    }

    func testASignInReplacesTheSessionAndEndsIt() async throws {
        let (email, store) = (newAddress(), MemoryTokenStore())
        let other = try await signedIn(email) // another device of the first user
        let session = try Session(server: address("LATCHKEY_URL"), store: store)
        guard case .signedIn(let first) = try await session.signIn(with: credential("google", email)) else { return XCTFail("not signed in") }
        let both = try await sessionsOf(other)
        XCTAssertEqual(both.count, 2)

        guard case .signedIn(let second) = try await session.signIn(with: credential("google", newAddress())) else { return XCTFail("not signed in") }
        XCTAssertNotEqual(first.id, second.id)
        for _ in 0..<500 where try await sessionsOf(other).count > 1 { await Task.yield() }
        let left = try await sessionsOf(other)
        XCTAssertEqual(left.count, 1, "the session before ends on the server")
        try await session.refresh()
    }

    /// A few lines around an SDK, which may forget the nonce.
    private struct Prompt: ProviderPrompt {
        let ask: @Sendable (ProviderNonce) async -> ProviderCredential?

        func credential(nonce: ProviderNonce) async throws(PromptError) -> ProviderCredential {
            guard let credential = await ask(nonce) else { throw .cancelled }
            return credential
        }
    }

    func testATokenWithoutTheNonceOfItsPromptIsRefused() async throws {
        let session = try session()
        for provider in ["apple", "google"] {
            let email = newAddress()
            await fails("invalid_token") {
                _ = try await session.signIn(with: Prompt { _ in try? await self.credential(provider, email, shown: false) })
            }
            let right = Prompt { try? await self.credential(provider, email, nonce: $0) }
            guard case .signedIn = try await session.signIn(with: right) else { return XCTFail("not signed in") }
            try await session.signOut()
        }
    }

    private func sessionsOf(_ session: Session) async throws -> [Int64] {
        guard case .ok(let list) = try await session.api.listSessions() else { return [] }
        return list.data.map(\.id)
    }

    func testNobodyComesInWithoutTheSecondFactor() async throws {
        let email = newAddress()
        let session = try await signedIn(email)
        guard case .notFound(let setup) = try await session.api.getTotp(), let secret = setup.meta?.secret else { return XCTFail("no secret") }
        let app = TimeCode(secret: secret)
        let step = Int(Date().timeIntervalSince1970) / 30
        guard case .ok = try await session.api.activateTotp(.init(body: .init(code: app.code(step: step)))) else { return XCTFail("not activated") }
        try await session.reauthenticate(code: app.code(step: step + 1)) // the one of the activation is spent
        guard case .ok(let made) = try await session.api.getRecoveryCodes(), let codes = made.data.unusedCodes else { return XCTFail("no codes") }
        XCTAssertEqual(codes.count, 10)
        try await session.signOut()

        guard case .pending(let flows) = try await session.signIn(with: credential("google", email)) else { return XCTFail("not pending") }
        XCTAssertEqual(flows.map(\.id), ["mfa_authenticate"])
        XCTAssertEqual(flows.first?.types, ["recovery_codes", "totp"])
        await fails("incorrect_code") { _ = try await session.submitSecondFactor(code: app.code(step: step)) }
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(.user))
        guard case .signedIn(let user) = try await session.submitSecondFactor(code: codes[0]) else { return XCTFail("not signed in") }
        XCTAssertEqual(user.email, email)
        await fails("incorrect_code") { try await session.reauthenticate(code: codes[0]) }
        try await session.reauthenticate(code: codes[1])
        try await session.refresh()
    }

    func testAPasskeySignsInProvesAndIsASecondFactor() async throws {
        let url = try address("LATCHKEY_URL")
        let origin = "http://localhost:\(url.port ?? 80)"
        let (email, key) = (newAddress(), SoftKey(origin: origin))
        let session = try await signedIn(email)
        let added = try await session.addPasskey(with: key, name: "Software")
        XCTAssertEqual(added.authenticator.name, "Software")
        XCTAssertEqual(added.authenticator.isPasswordless, true)
        // The first factor of somebody who had nothing to prove themselves with is a proof of its own.
        _ = try await session.addPasskey(with: SoftKey(origin: origin))
        try await session.reauthenticate(with: key)
        _ = try await session.addPasskey(with: SoftKey(origin: origin), passwordless: false)
        try await session.signOut()

        guard case .signedIn(let user) = try await session.signInWithPasskey(key) else { return XCTFail("not signed in") }
        XCTAssertEqual(user.email, email)
        try await session.signOut()
        guard case .pending = try await session.signIn(with: credential("google", email)) else { return XCTFail("not pending") }
        guard case .signedIn = try await session.submitSecondFactor(with: key) else { return XCTFail("not signed in") }
        try await session.signOut()
        await fails("incorrect_code") { _ = try await session.signInWithPasskey(SoftKey(origin: origin)) }
        await fails("incorrect_code") { _ = try await session.signInWithPasskey(key.at(origin: "http://elsewhere.example")) }
    }
}
