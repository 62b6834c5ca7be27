import Foundation
import Latchkey
import LatchkeyAPI

/// Takes commands to the session managers of this process.
final class Driver: @unchecked Sendable {
    private let mutex = NSLock()
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var devices: [String: Device] = [:]
    private let clock = VirtualClock()
    private let faults = Faults()

    /// Starts a command; its answer comes when it comes.
    func take(_ command: Command, answer: @escaping @Sendable (Reply) -> Void) {
        // Before the task: the next command may want to cancel it.
        mutex.withLock {
            tasks[command.id] = Task {
                var reply: Reply
                do { reply = try await self.play(command) } catch {
                    reply = Reply(ok: false, error: (error as? SessionError).map { .init($0) } ?? .init(kind: "unsupported"))
                }
                reply.id = command.id
                answer(reply)
            }
        }
    }

    private struct Unsupported: Error {}

    private func play(_ command: Command) async throws -> Reply {
        switch command.do {
        case "start": try start(command)
        case "clock":
            if let offset = command.wall_offset { clock.setWall(offset) }
            clock.advance(command.advance ?? 0)
        case "store_fault": faults.set(command.fault ?? "none", times: command.times ?? 0)
        case "kill_at": faults.dies(at: command.point, after: command.n ?? 0)
        case "cancel": mutex.withLock { tasks[command.target ?? -1] }?.cancel()
        case "unlock_prompt": try device(command).prompt.answer(command.answer ?? "allow")
        case "sign_up": return try Self.reply(await device(command).session.signUp(email: command.email ?? "", password: command.password ?? ""))
        case "sign_in": return try Self.reply(await device(command).session.signIn(
            email: command.email ?? "", password: command.password ?? "", force: command.force ?? false))
        case "second_factor": return try Self.reply(await secondFactor(command))
        case "passkey_sign_in": return try Self.reply(await device(command).session.signInWithPasskey(Self.keyring(command)))
        case "provider_sign_in": return try Self.reply(await device(command).session.signIn(with: Self.credential(command)))
        case "sign_out": try await device(command).session.signOut(force: command.force ?? false)
        case "refresh": try await device(command).session.refresh()
        case "call": return try await device(command).call(command.n ?? 1, body: command.body, url: Self.url(command.url))
        case "online": try device(command).session.online()
        case "adopt": return try await adopt(command)
        case "cancel_pending": try await device(command).session.cancelPending()
        case "add_email": return try await device(command).addEmail(command.email ?? "")
        case "verify_email": return try await device(command).verifyEmail(command.code ?? "")
        case "show": return try await device(command).show()
        case "state": return try await device(command).state()
        default: throw Unsupported()
        }
        return Reply()
    }

    private func secondFactor(_ command: Command) async throws -> SignInResult {
        let session = try device(command).session
        if let code = command.code { return try await session.submitSecondFactor(code: code) }
        return try await session.submitSecondFactor(with: Self.keyring(command))
    }

    private func adopt(_ command: Command) async throws -> Reply {
        let session = try device(command).session
        if let token = command.session_token { try await session.adopt(sessionToken: token) } else {
            try await session.adopt(refreshToken: command.refresh_token ?? "", accessToken: command.access_token)
        }
        return Reply(result: "signed_in")
    }

    private static func url(_ text: String?) throws -> URL? {
        guard let text else { return nil }
        guard let url = URL(string: text) else { throw Unsupported() }
        return url
    }

    private static func keyring(_ command: Command) throws -> Keyring {
        guard let url = command.authenticator.flatMap(URL.init(string:)) else { throw Unsupported() }
        return Keyring(url: url)
    }

    private static func credential(_ command: Command) throws -> ProviderCredential {
        guard let provider = command.provider, let client = command.client_id, let token = command.id_token else { throw Unsupported() }
        let nonce = command.nonce.map { ProviderNonce(nonce: $0, nonceSha256: "", expiresAt: 0) } // only the raw one is sent
        return ProviderCredential(provider: provider, clientID: client, idToken: token, nonce: nonce)
    }

    private func device(_ command: Command) throws -> Device {
        guard let device = mutex.withLock({ devices[command.client ?? "a"] }) else { throw Unsupported() }
        return device
    }

    private func start(_ command: Command) throws {
        guard let url = command.base_url.flatMap(URL.init(string:)), let store = command.store else { throw Unsupported() }
        let origins = try (command.origins ?? []).map { text in
            guard let url = URL(string: text) else { throw Unsupported() }
            return url
        }
        let device = try Device(
            server: url, store: URL(fileURLWithPath: store), origins: origins, unlock: command.unlock ?? false, clock: clock, faults: faults)
        mutex.withLock { devices[command.client ?? "a"] = device }
    }

    private static func reply(_ result: SignInResult) -> Reply {
        switch result {
        case .signedIn: Reply(result: "signed_in")
        case .pending(let flows): Reply(result: "pending", flows: flows.map(\.id))
        }
    }
}
