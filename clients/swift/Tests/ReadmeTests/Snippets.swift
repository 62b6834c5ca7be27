// The code of README.md, compiled. ReadmeTests compares the two.
import Foundation
import Latchkey
import LatchkeyAPI
import LatchkeyTesting

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

#if canImport(AuthenticationServices) && (os(iOS) || os(macOS))
import AuthenticationServices

@available(iOS 16, macOS 13, *)
@MainActor
func passkeyPrompt(_ window: ASPresentationAnchor) -> SystemPasskeyPrompt {
    SystemPasskeyPrompt { window }
}

@available(iOS 16, macOS 13, *)
@MainActor
func offerPasskeys(_ session: Session, _ window: ASPresentationAnchor) -> Task<SignInResult, any Error> {
    Task { try await session.signInWithPasskey(SystemPasskeyPrompt(autofill: true) { window }) }
}

@available(iOS 16, macOS 13, *)
@MainActor
func signInWithApple(_ session: Session, _ window: ASPresentationAnchor) async throws -> SignInResult {
    try await session.signIn(with: AppleSignInPrompt { window })
}
#endif

#if canImport(SwiftUI)
import SwiftUI

@available(iOS 17, macOS 14, *)
struct RootView: View {
    let model: SessionModel

    var body: some View {
        switch model.state {
        case .signedIn: Text("Hello \(model.user?.display ?? "")")
        case .signedOut: Text("Sign in")
        case .locked, .unreadable, nil: ProgressView()
        }
    }
}
#endif

#if canImport(Network)
func startWatchingTheNetwork(_ session: Session) -> NetworkMonitor {
    NetworkMonitor(session) // keep it as long as the session
}
#endif

#if canImport(BackgroundTasks) && os(iOS)
import BackgroundTasks

func scheduleRefresh() throws {
    let request = BGAppRefreshTaskRequest(identifier: "com.example.app.refresh")
    request.earliestBeginDate = Date(timeIntervalSinceNow: 12 * 3600)
    try BGTaskScheduler.shared.submit(request)
}
#endif

#if canImport(Security)
func launch(_ session: Session) async throws {
    try await session.migrate(fromService: "com.example.app", account: "refresh_token", accessAccount: "access_token")
}

func launchWithSessionToken(_ session: Session) async throws {
    try await session.migrate(fromService: "com.example.app", sessionTokenAccount: "session_token")
}

let store = KeychainTokenStore(service: "com.example.app")

func sharedSession(_ directory: URL) throws -> Session {
    let group = KeychainTokenStore.Group(keychain: "TEAMID.com.example.shared", directory: directory)
    var options = SessionOptions()
    options.reinstallPolicy = .clear // the default
    return try Session(
        server: URL(string: "https://auth.example.com")!,
        store: KeychainTokenStore(service: "com.example.app", group: group), options: options)
}

func lockedSession() throws -> (Session, BiometricLock) {
    let prompt = SystemUnlockPrompt(service: "com.example.app", reason: "Unlock your account", policy: .invalidate)
    let lock = BiometricLock(prompt: prompt)
    var options = SessionOptions()
    options.unlock = lock
    let session = try Session(
        server: URL(string: "https://auth.example.com")!,
        store: KeychainTokenStore(service: "com.example.app"), options: options)
    return (session, lock) // call lock.lock() when the app goes to the background
}
#else
let store = MemoryTokenStore()
#endif

func developmentSession(_ laptop: URL, _ store: any TokenStore) throws -> Session {
    var options = SessionOptions()
    options.allowsInsecureHTTP = true // http://192.168.1.20:8080
    return try Session(server: laptop, store: store, options: options)
}

func takeOver(_ session: Session, refreshToken: String, accessToken: String?) async throws {
    try await session.adopt(refreshToken: refreshToken, accessToken: accessToken)
    // delete the app's own copies now
}

func takeOver(_ session: Session, sessionToken: String) async throws {
    try await session.adopt(sessionToken: sessionToken)
    // delete the app's own copy now
}

func testTheFirstScreen() async throws {
    let server = FakeServer(accounts: [.init(email: "ada@example.com", password: "secret", secondFactor: "123456")])
    var options = SessionOptions()
    options.transport = server
    let session = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
    guard case .pending = try await session.signIn(email: "ada@example.com", password: "secret") else { return }
    _ = try await session.submitSecondFactor(code: "123456")
    server.expireAccessTokens() // or setOffline(true), endSessions(code: "password_changed")
    _ = try await session.api.getProfile()
}

func signIn(email: String, password: String) async throws {
    let session = try Session(server: URL(string: "https://auth.example.com")!, store: store)
    switch try await session.signIn(email: email, password: password) {
    case .signedIn(let user): print("Hello \(user.display)")
    case .pending(let flows): print("first: \(flows.map(\.id))")
    }
    if case .ok(let profile) = try await session.api.getProfile() { print(profile.display) }
}

func confirm(_ code: String, _ session: Session) async throws -> String? {
    switch try await session.api.confirmLoginCode(.init(body: .init(code: code))) {
    case .ok(let answer): return "Hello \(answer.data.user.display)"
    case .unauthorized(let answer): return answer.data.flows.first { $0.isPending == true }?.id
    case .badRequest(let problem): return problem.errors?.first?.message
    default: return nil
    }
}

func secondFactor(
    _ flow: Flow, _ session: Session, _ prompt: any PasskeyPrompt, code: () async -> String
) async throws -> SignInResult {
    if flow.types?.contains("webauthn") == true { return try await session.submitSecondFactor(with: prompt) }
    return try await session.submitSecondFactor(code: code())
}

func addAuthenticatorApp(
    _ session: Session, password: () async -> String, code: (_ url: String) async throws -> String
) async throws -> [String] {
    let url: String
    switch try await session.api.getTotp() {
    case .notFound(let setup): url = setup.meta?.totpUrl ?? "" // show it as a QR code
    case .ok: return [] // there is one already
    case .conflict(let problem): throw SessionError.problem(status: 409, problem.errors ?? []) // unverified_email
    default: throw SessionError.unavailable(status: nil, code: nil, retryAfter: nil)
    }
    while true {
        switch try await session.api.activateTotp(.init(body: .init(code: code(url)))) {
        case .ok: return try await recoveryCodes(session)
        case .unauthorized: try await session.reauthenticate(password: password()) // signed in too long ago
        case .badRequest(let problem): print(problem.errors?.first?.message ?? "") // a wrong code: ask again
        default: throw SessionError.unavailable(status: nil, code: nil, retryAfter: nil)
        }
    }
}

func recoveryCodes(_ session: Session) async throws -> [String] {
    guard case .ok(let codes) = try await session.api.getRecoveryCodes() else { return [] }
    return codes.data.unusedCodes ?? []
}

func addPasskey(_ session: Session, _ prompt: any PasskeyPrompt, password: () async -> String) async throws {
    do {
        _ = try await session.addPasskey(with: prompt, name: "Ada's iPhone")
    } catch {
        switch error {
        case .prompt(.cancelled): print("not now") // nothing has happened
        case .reauthenticate:
            try await session.reauthenticate(password: password())
            _ = try await session.addPasskey(with: prompt, name: "Ada's iPhone")
        default: throw error
        }
    }
}

struct GooglePrompt: ProviderPrompt {
    /// GIDSignIn's signIn(withPresenting:hint:additionalScopes:nonce:), then user.idToken?.tokenString.
    let signIn: @Sendable (_ nonce: String) async -> String?

    func credential(nonce: ProviderNonce) async throws(PromptError) -> ProviderCredential {
        guard let token = await signIn(nonce.nonceSha256) else { throw .cancelled }
        return .google(clientID: "1234.apps.googleusercontent.com", idToken: token)
    }
}

func watch(_ session: Session) async {
    for await change in session.changes() {
        switch change {
        case .signedIn: print("show the app")
        case .signedOut(let reason): print("show the sign-in: \(reason?.code ?? "unknown")")
        }
    }
}

func load(_ session: Session) async -> String {
    do {
        guard case .ok(let profile) = try await session.api.getProfile() else { return "try again" }
        return profile.display
    } catch {
        switch error.session {
        case .signedOut: return "sign in"
        case .problem(_, let problems): return problems.first?.message ?? "no"
        case let other: return other.action == .wait ? "a moment" : "try again"
        }
    }
}

func orders(_ session: Session) async throws -> Data {
    try await session.data(for: URLRequest(url: URL(string: "https://api.example.com/orders")!)).0
}

func pinnedSession(_ store: any TokenStore) throws -> Session {
    var options = SessionOptions()
    options.pins = try CertificatePins(["auth.example.com": [
        "vBI/pdZYam0LcBGg2Lt0HQ4I8AFb3hceJWcp2a62qK4=", // in use
        "6FMIiwtxLW/xJp1OVKTFAeS1+kck0GcwcIfpmkd0xDM=", // in a drawer
    ]])
    return try Session(server: URL(string: "https://auth.example.com")!, store: store, options: options)
}
