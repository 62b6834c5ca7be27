import Foundation
import Latchkey
import LatchkeyAPI

/// A line to the driver.
struct Command: Decodable, Sendable {
    let id: Int
    let `do`: String
    var client: String?
    var base_url, store, email, password, body, fault, point, answer: String?
    var code, authenticator, provider, client_id, id_token, nonce: String?
    var refresh_token, session_token, access_token, url: String?
    var origins: [String]?
    var unlock, force: Bool?
    var n, times, target: Int?
    var wall_offset, advance: Double?
}

/// A line from the driver.
struct Reply: Encodable, Sendable {
    struct Failure: Encodable, Sendable {
        var kind: String
        var status: Int?
        var code: String?
        var action: String?
        var retry_after: Double?
    }

    struct Event: Encodable, Sendable {
        var kind: String
        var reason: String?
    }

    var id = 0
    var ok = true
    var error: Failure?
    var result: String?
    var flows: [String]?
    var statuses: [Int]?
    var errors: [Failure]?
    var state: String?
    var reason: String?
    var events: [Event]?
    var prompts: Int?
    var text: String?
}

/// Writes whole lines.
final class Output: @unchecked Sendable {
    private let mutex = NSLock()

    func write(_ reply: Reply) {
        guard let line = try? JSONEncoder().encode(reply) else { return }
        mutex.withLock { FileHandle.standardOutput.write(line + Data("\n".utf8)) }
    }
}

extension Reply.Failure {
    init(_ error: SessionError) {
        self.init(kind: "network")
        action = error.action.rawValue
        switch error {
        case .signedOut(let reason): (kind, code, action) = ("signed_out", reason?.code, nil)
        case .locked: kind = "locked"
        case .store: kind = "store"
        case .network: kind = "network"
        case .unavailable(let status, let code, let seconds): (kind, self.status, self.code, retry_after) = ("server", status, code, seconds)
        case .undocumented(let status): (kind, self.status) = ("undocumented", status)
        case .problem(let status, let problems): (kind, self.status, code) = ("problem", status, problems.first?.code)
        case .nothingPending: kind = "nothing_pending"
        case .unlockCancelled, .cancelled, .prompt(.cancelled): kind = "cancelled"
        case .unlockUnavailable(let reason): (kind, code) = ("problem", reason.rawValue)
        case .unlockFailed, .foreignHost, .prompt, .reauthenticate: kind = "problem"
        }
    }
}
