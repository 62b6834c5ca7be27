import Foundation
import Latchkey
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A session manager on a store whose faults are played.
final class Device: Sendable {
    let session: Session
    let prompt = Prompt()
    private let events = Events()

    private let tokens: KeychainTokenStore
    private let options: SessionOptions

    init(server: URL, store: URL, origins: [URL], unlock: Bool, clock: VirtualClock, faults: Faults) throws {
        faults.watch(store)
        tokens = KeychainTokenStore(
            identity: store.path, keychain: FaultyKeychain(directory: store, faults: faults),
            locks: FaultyLocks(files: FileLock(directory: store), faults: faults))
        var options = SessionOptions()
        options.clock = clock
        options.lockPatience = 1
        options.origins = origins
        options.transport = MortalTransport(inner: try URLSessionTransport(server: server), faults: faults)
        if unlock { options.unlock = BiometricLock(prompt: prompt, clock: clock) }
        self.options = options
        session = try Session(server: server, store: tokens, options: options)
        let (changes, events) = (session.changes(), events)
        Task { for await change in changes { events.append(change) } }
    }

    func call(_ count: Int, body: String?, url: URL?) async throws -> Reply {
        let results = await withTaskGroup(of: Result<Int, SessionError>.self) { group in
            for _ in 0..<count { group.addTask { await self.call(body, url) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var reply = Reply(statuses: [], errors: [])
        for result in results {
            switch result {
            case .success(let status): reply.statuses?.append(status)
            case .failure(let error): reply.errors?.append(.init(error))
            }
        }
        return reply
    }

    private func call(_ body: String?, _ url: URL?) async -> Result<Int, SessionError> {
        if let url { return await get(url) }
        do {
            guard let body else { return .success(Self.status(try await session.api.getProfile())) }
            let change = try JSONDecoder().decode(ProfileRequest.self, from: Data(body.utf8))
            return .success(Self.status(try await session.api.updateProfile(.init(body: change))))
        } catch ClientError.undocumented(_, let response) where response.status >= 300 {
            return .success(response.status) // handed out as it is
        } catch {
            return .failure((error as? ClientError)?.session ?? .cancelled)
        }
    }

    private func get(_ url: URL) async -> Result<Int, SessionError> {
        do { return .success(try await session.data(for: URLRequest(url: url)).1.statusCode) } catch {
            // Elsewhere an app goes without the session.
            guard error == .foreignHost, let answer = try? await URLSession.shared.data(for: URLRequest(url: url)).1 as? HTTPURLResponse
            else { return .failure(error) }
            return .success(answer.statusCode)
        }
    }

    private static func status(_ output: Operations.GetProfile.Output) -> Int {
        switch output {
        case .ok: 200
        case .unauthorized: 401
        case .gone: 410
        case .serviceUnavailable: 503
        case .undocumented(let response): response.status
        }
    }

    private static func status(_ output: Operations.UpdateProfile.Output) -> Int {
        switch output {
        case .ok: 200
        case .badRequest: 400
        case .unauthorized: 401
        case .gone: 410
        case .contentTooLarge: 413
        case .unsupportedMediaType: 415
        case .serviceUnavailable: 503
        case .undocumented(let response): response.status
        }
    }

    /// Adds an address to the account of the user.
    func addEmail(_ email: String) async throws -> Reply {
        do {
            switch try await session.api.addEmailAddress(.init(body: .init(email: email))) {
            case .ok: return Reply()
            case .badRequest(let problem): throw SessionError.problem(status: 400, problem.errors ?? [])
            case .conflict(let problem): throw SessionError.problem(status: 409, problem.errors ?? [])
            default: throw SessionError.unavailable(status: nil, code: nil, retryAfter: nil)
            }
        } catch let error as ClientError { throw error.session }
    }

    /// Verifies an address by the code that was mailed to it.
    func verifyEmail(_ code: String) async throws -> Reply {
        do {
            switch try await session.api.verifyEmail(.init(body: .init(key: code))) {
            case .ok, .unauthorized: return Reply()
            case .badRequest(let problem): throw SessionError.problem(status: 400, problem.errors ?? [])
            case .conflict(let problem): throw SessionError.problem(status: 409, problem.errors ?? [])
            default: throw SessionError.unavailable(status: nil, code: nil, retryAfter: nil)
            }
        } catch let error as ClientError { throw error.session }
    }

    /// What printing and dumping show of everything that an app has of the client.
    func show() async -> Reply {
        var text = ""
        let snapshot = await session.snapshot()
        let things: [Any] = [session, session.api, tokens, options, snapshot, prompt, await session.state()]
        for thing in things {
            print(thing, to: &text)
            debugPrint(thing, to: &text)
            dump(thing, to: &text)
        }
        return Reply(text: text)
    }

    func state() async throws -> Reply {
        var reply = Reply()
        switch await session.state() {
        case .signedIn: reply.state = "signed_in"
        case .signedOut(let reason): (reply.state, reply.reason) = ("signed_out", reason?.code)
        case .locked: reply.state = "locked"
        case .unreadable: reply.state = "unknown"
        }
        try await Task.sleep(nanoseconds: 10_000_000) // the stream is read by another task
        reply.events = events.take()
        reply.prompts = prompt.shown
        return reply
    }
}

/// What the change notification told since it was last asked.
final class Events: @unchecked Sendable {
    private let mutex = NSLock()
    private var list: [Reply.Event] = []

    func append(_ change: SessionChange) {
        let event: Reply.Event = switch change {
        case .signedIn: .init(kind: "signed_in")
        case .signedOut(let reason): .init(kind: "signed_out", reason: reason?.code)
        }
        mutex.withLock { list.append(event) }
    }

    func take() -> [Reply.Event] {
        mutex.withLock {
            defer { list = [] }
            return list
        }
    }
}
