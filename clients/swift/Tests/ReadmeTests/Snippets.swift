// The code of README.md, compiled. ReadmeTests compares the two.
import Foundation
import Latchkey
import LatchkeyAPI

#if canImport(FoundationNetworking)
import FoundationNetworking
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
