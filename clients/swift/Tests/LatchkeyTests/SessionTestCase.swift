import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

/// A phone: a server, a clock, a Keychain, and sessions on them.
class SessionTestCase: XCTestCase, @unchecked Sendable {
    let server = TestServer()
    let clock = TestClock()
    let keychain = TestKeychain()

    func session(on other: TestKeychain? = nil, _ change: (inout SessionOptions) -> Void = { _ in }) throws -> Session {
        var options = SessionOptions()
        (options.transport, options.clock, options.lockPatience) = (server, clock, 0.05)
        change(&options)
        // An identity of its own: another process, which shares nothing but the Keychain.
        return try Session(server: URL(string: "https://auth.example.com")!, store: (other ?? keychain).store(), options: options)
    }

    func signedIn(on other: TestKeychain? = nil, _ change: (inout SessionOptions) -> Void = { _ in }) async throws -> Session {
        let session = try session(on: other, change)
        let result = try await session.signIn(email: "ada@example.com", password: "correct horse battery")
        guard case .signedIn = result else { throw SessionError.signedOut(nil) }
        return session
    }

    /// One authenticated call: the status, or what the session says.
    func call(_ session: Session) async -> Result<Int, SessionError> {
        do {
            switch try await session.api.getProfile() {
            case .ok: return .success(200)
            case .unauthorized: return .success(401)
            case .gone: return .success(410)
            case .serviceUnavailable: return .success(503)
            case .undocumented(let response): return .success(response.status)
            }
        } catch { return .failure(error.session) }
    }

    func calls(_ count: Int, _ session: Session) async -> [Result<Int, SessionError>] {
        await withTaskGroup(of: Result<Int, SessionError>.self) { group in
            for _ in 0..<count { group.addTask { await self.call(session) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Waits, in turns and not in time, until something is so.
    func until(_ what: String, _ isSo: () async -> Bool) async {
        for _ in 0..<100_000 {
            if await isSo() { return }
            await Task.yield()
        }
        XCTFail("never: \(what); sent: \(server.log.map(\.operation)), stored: \(keychain.contents.keys.sorted())")
    }

    func expectFailure<T>(_ result: Result<T, SessionError>, _ isRight: (SessionError) -> Bool, line: UInt = #line) {
        guard case .failure(let error) = result, isRight(error) else { return XCTFail("\(result)", line: line) }
    }
}
