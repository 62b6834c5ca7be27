// The code of README.md, compiled. ReadmeTests compares the two.
import Foundation
import Latchkey
import LatchkeyAPI

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
func signInWithApple(_ session: Session, _ window: ASPresentationAnchor) async throws -> SignInResult {
    try await session.signIn(with: AppleSignInPrompt { window })
}
#endif

#if canImport(Security)
let store = KeychainTokenStore(service: "com.example.app")

func sharedSession(_ directory: URL) throws -> Session {
    let group = KeychainTokenStore.Group(keychain: "TEAMID.com.example.shared", directory: directory)
    var options = SessionOptions()
    options.installMarker = FileInstallMarker(directory: directory)
    options.reinstallPolicy = .clear
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
