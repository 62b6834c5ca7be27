import Foundation
import Latchkey
import LatchkeyAPI

/// The walk. Every step says what it did; the first that goes wrong ends it.
struct Tour {
    struct Stopped: Error, CustomStringConvertible {
        let description: String
    }

    private let session: Session

    init(server: URL) throws {
        var options = SessionOptions()
        options.deviceName = "Tour"
        session = try Session(server: server, store: MemoryTokenStore(), options: options)
    }

    func walk() async throws {
        let email = "tour-\(UUID().uuidString.lowercased())@example.com"
        switch try await session.signUp(email: email, password: "correct horse battery staple") {
        case .signedIn(let user): print("signed up   \(user.display)")
        case .pending(let flows): throw Stopped(description: "this server asks for \(flows.map(\.id)) first")
        }
        try await profile()
        try await devices()
        try await session.refresh()
        print("refreshed   the access token is new, the old one was good until then")
        try await session.signOut()
        guard case .signedOut(let reason) = await session.state() else { throw Stopped(description: "still signed in") }
        print("signed out  reason: \(reason?.code ?? "unknown")")
    }

    private func profile() async throws {
        guard case .ok(let profile) = try await session.api.getProfile() else { throw Stopped(description: "no profile") }
        print("profile     \(profile.display), verified: \(profile.emailVerified)")
        let change = ProfileRequest(display: "Ada Lovelace")
        guard case .ok(let changed) = try await session.api.updateProfile(.init(body: change)) else {
            throw Stopped(description: "the profile was not changed")
        }
        print("renamed     \(changed.display)")
    }

    private func devices() async throws {
        guard case .ok(let list) = try await session.api.listSessions() else { throw Stopped(description: "no devices") }
        for device in list.data { print("device      \(device.deviceName ?? device.platform)\(device.isCurrent ? ", this one" : "")") }
    }
}
