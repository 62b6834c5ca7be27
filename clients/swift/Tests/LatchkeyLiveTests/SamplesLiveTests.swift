import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

// What stands between "sample:" and "end of sample" is shown at /docs, as it is: `make generate` takes it
// from here. SamplesLiveTests runs it.

private func sampleSignUp(_ server: URL, email: String, password: String) async throws -> Session {
    // sample: signup
    let session = try Session(server: server, store: MemoryTokenStore()) // an app: KeychainTokenStore(service:)
    switch try await session.signUp(email: email, password: password) {
    case .signedIn(let user): print("signed up as", user.display)
    case .pending(let flows): print("next:", flows.map(\.id)) // such as verify_email
    }
    // end of sample
    return session
}

private func sampleSignIn(_ session: Session, email: String, password: String) async throws {
    // sample: login
    do {
        switch try await session.signIn(email: email, password: password) {
        case .signedIn(let user): print("signed in as", user.display)
        case .pending(let flows): print("ask for:", flows.map(\.id)) // such as mfa_authenticate
        }
    } catch {
        guard case .problem(_, let problems) = error else { throw error } // no answer: try again
        print(problems.map(\.message)) // a wrong password: show it
    }
    // end of sample
}

private func sampleSecondFactor(_ session: Session, code: String) async throws {
    // sample: submitSecondFactor
    // A wrong code throws .problem: call it again with the next one.
    // .nothingPending: too late, or too many wrong codes. Sign in again.
    if case .signedIn(let user) = try await session.submitSecondFactor(code: code) {
        print("signed in as", user.display)
    }
    // end of sample
}

private func sampleRefresh(_ session: Session) async throws {
    // sample: refreshToken
    try await session.refresh() // calls refresh by themselves; this is for a button that tries again
    // end of sample
}

private func sampleAdopt(_ session: Session, refreshToken: String) async throws {
    // sample: refreshTokenPair
    try await session.adopt(refreshToken: refreshToken) // takes over the token of another client
    // end of sample
}

private func sampleSession(_ session: Session) async throws {
    // sample: getSession
    guard case .ok(let answer) = try await session.api.getSession() else { return }
    print("signed in as", answer.data.user.display)
    // end of sample
}

private func sampleSignOut(_ session: Session) async throws {
    // sample: endSession
    try await session.signOut() // the device keeps nothing; offline, the server learns of it later
    // end of sample
}

private func sampleProfile(_ session: Session) async throws {
    // sample: getProfile
    guard case .ok(let profile) = try await session.api.getProfile() else { return }
    print(profile.display, "verified:", profile.emailVerified)
    // end of sample
}

private func sampleRequestReset(_ session: Session, email: String) async throws {
    // sample: requestPasswordReset
    switch try await session.api.requestPasswordReset(.init(body: .init(email: email))) {
    case .ok: print("a link is mailed")
    case .unauthorized: print("a code is mailed, and the reset is pending")
    default: print("not asked")
    }
    // end of sample
}

private func sampleReset(_ session: Session, key: String, password: String) async throws -> Bool {
    // sample: resetPassword
    let body = ResetPasswordRequest(key: key, password: password) // the key of the link, or the code
    switch try await session.api.resetPassword(.init(body: body)) {
    case .ok, .unauthorized: return true // 401 is success: sign in with the new password
    default: return false // a wrong key, or a password that is too weak
    }
    // end of sample
}

/// The samples against the server at LATCHKEY_URL, whose mails are in the folder LATCHKEY_MAILS.
final class SamplesLiveTests: XCTestCase {
    private func setting(_ name: String) throws -> String {
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else { throw XCTSkip("\(name) is not set") }
        return text
    }

    private func isSignedIn(_ session: Session, _ want: Bool, line: UInt = #line) async {
        let state = await session.state()
        XCTAssertEqual(state == .signedIn, want, "\(state)", line: line)
    }

    /// Waits for a mail to an address with a link, and returns the key in it.
    private func keyOfMail(to email: String, for page: String) async throws -> String {
        let folder = URL(fileURLWithPath: try setting("LATCHKEY_MAILS"))
        for _ in 0..<200_000 {
            for file in (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? [] {
                guard let text = try? String(contentsOf: file, encoding: .utf8), text.contains(email) else { continue }
                let joined = text.replacingOccurrences(of: "=\r\n", with: "").replacingOccurrences(of: "=3D", with: "=")
                if let at = joined.range(of: "\(page)?key=") {
                    return String(joined[at.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
                }
            }
            await Task.yield()
        }
        throw SessionError.nothingPending
    }

    func testTheSamplesWork() async throws {
        guard let server = URL(string: try setting("LATCHKEY_URL")) else { return XCTFail("no address") }
        let (email, password) = ("samples-\(UUID().uuidString.lowercased())@example.com", "correct horse battery staple")
        let session = try await sampleSignUp(server, email: email, password: password)
        await isSignedIn(session, true)
        try await sampleProfile(session)
        try await sampleSession(session)
        try await sampleRefresh(session)

        let mailed = try await keyOfMail(to: email, for: "/account/verify")
        guard case .ok = try await session.api.verifyEmail(.init(body: .init(key: mailed))) else { return XCTFail("not verified") }
        try await session.reauthenticate(password: password)
        guard case .notFound(let setup) = try await session.api.getTotp(), let secret = setup.meta?.secret else { return XCTFail("no secret") }
        let code = TimeCode(secret: secret).code(step: Int(Date().timeIntervalSince1970) / 30)
        guard case .ok = try await session.api.activateTotp(.init(body: .init(code: code))) else { return XCTFail("not activated") }
        guard case .ok(let made) = try await session.api.getRecoveryCodes(), let codes = made.data.unusedCodes else { return XCTFail("no codes") }
        try await sampleSignOut(session)
        await isSignedIn(session, false)

        try await sampleSignIn(session, email: email, password: "wrong horse")
        try await sampleSignIn(session, email: email, password: password)
        await isSignedIn(session, false)
        try await sampleSecondFactor(session, code: codes[0])
        await isSignedIn(session, true)

        let guest = try Session(server: server, store: MemoryTokenStore())
        try await sampleRequestReset(guest, email: email)
        do {
            let reset = try await sampleReset(guest, key: "wrong", password: "another horse battery")
            XCTAssertFalse(reset)
        } catch let error as ClientError { XCTAssertEqual(error.session.action, .show) }
        let reset = try await sampleReset(guest, key: keyOfMail(to: email, for: "/account/password/reset"), password: "another horse battery")
        XCTAssertTrue(reset)
        try await sampleSignIn(guest, email: email, password: "another horse battery")
        try await sampleSecondFactor(guest, code: codes[1])
        await isSignedIn(guest, true)
    }

    private struct Tokens: Decodable {
        struct Meta: Decodable { let refresh_token: String }
        let meta: Meta
    }

    func testATokenOfAnotherClientIsAdopted() async throws {
        guard let server = URL(string: try setting("LATCHKEY_URL")) else { return XCTFail("no address") }
        var request = URLRequest(url: server.appendingPathComponent("_allauth/app/v1/auth/signup"))
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let email = "former-\(UUID().uuidString.lowercased())@example.com"
        request.httpBody = try JSONEncoder().encode(["email": email, "password": "correct horse battery staple"])
        let former = try JSONDecoder().decode(Tokens.self, from: try await URLSession.shared.data(for: request).0)

        let session = try Session(server: server, store: MemoryTokenStore())
        try await sampleAdopt(session, refreshToken: former.meta.refresh_token)
        await isSignedIn(session, true)
        try await sampleProfile(session)
    }
}

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif
