import Foundation
import Latchkey
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A Latchkey server in memory, for the tests of an app: give it to a session as its transport.
///
/// ```swift
/// let server = FakeServer()
/// var options = SessionOptions()
/// options.transport = server
/// let session = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
/// ```
///
/// It signs users in and up by address and password, asks for a second factor where the user has
/// one, rotates tokens, exchanges session tokens, and ends sessions. Any other operation answers what ``answer(_:with:)`` was
/// given. It checks nothing that a real server checks: test against `latchkey dev` too.
///
/// Its mirror shows no passwords and tokens.
public final class FakeServer: Transport, RequestTransport, CustomReflectable, @unchecked Sendable {
    /// An address to make a session with. Nothing is sent to it.
    public static let url = URL(string: "https://latchkey.example")!

    /// A user of the server.
    public struct Account: Hashable, Sendable, CarriesSecrets {
        /// The address.
        public var email: String
        /// The password.
        public var password: String
        /// What to call the user.
        public var display: String
        /// The code that is accepted as the second factor; nil where the user has none.
        public var secondFactor: String?

        /// Makes an account.
        public init(
            email: String = "ada@example.com", password: String = "correct horse battery staple",
            display: String = "Ada Lovelace", secondFactor: String? = nil
        ) {
            (self.email, self.password) = (email, password)
            (self.display, self.secondFactor) = (display, secondFactor)
        }
    }

    struct Grant {
        let account: Int
        var generation = 1
        /// What spent the generation before.
        var key: String?
        /// Access tokens of older generations are refused.
        var oldest = 1
        var ended: String?
        /// The generation that the exchange of the session token has spent.
        var exchanged: Int?
    }

    let mutex = NSLock()
    var accounts: [Account]
    var grants: [Int: Grant] = [:]
    var attempts: [String: Int] = [:]
    /// The sessions of session tokens.
    var apps: [String: Int] = [:]
    private var isOffline = false
    private var answers: [String: [HTTPResponse]] = [:]
    private var log: [HTTPRequest] = []
    private var refusesAPI = false

    /// Makes a server with users: without any other, `ada@example.com` with the password `correct horse battery staple`.
    public init(accounts: [Account] = [Account()]) { self.accounts = accounts }

    /// A mirror without secrets.
    public var customMirror: Mirror { Mirror(self, children: ["operations": operations]) }

    /// The operations that were asked for, by their `operationId`.
    public var operations: [String] { mutex.withLock { log.map(\.operation) } }

    /// Cuts the network, or joins it again.
    public func setOffline(_ isOffline: Bool) { mutex.withLock { self.isOffline = isOffline } }

    /// Refuses all access tokens of now, as if they had expired.
    public func expireAccessTokens() {
        mutex.withLock {
            grants = grants.mapValues { grant in
                var grant = grant
                grant.oldest = grant.generation + 1
                return grant
            }
        }
    }

    /// Ends all sessions; the next refresh says so with this code.
    public func endSessions(code: String = "session_ended") {
        mutex.withLock {
            grants = grants.mapValues { grant in
                var grant = grant
                grant.ended = grant.ended ?? code
                return grant
            }
        }
    }

    /// The session token (`X-Session-Token`) of a session that another client has opened, for
    /// ``Session/adopt(sessionToken:force:)``.
    ///
    /// - Parameter email: The address of the user.
    /// - Returns: The token; nil where no user has the address.
    public func sessionToken(of email: String) -> String? {
        mutex.withLock {
            guard let account = accounts.firstIndex(where: { $0.email == email }) else { return nil }
            let token = "lkst_app_\(grants.count + 1)"
            apps[token] = open(account)
            return token
        }
    }

    /// Answers the next call of an operation with JSON of your own.
    ///
    /// - Parameters:
    ///   - operation: Its `operationId`, such as `listSessions`.
    ///   - json: The body.
    ///   - status: The status.
    public func answer(_ operation: String, with json: String, status: Int = 200) {
        mutex.withLock { answers[operation, default: []].append(Self.json(status, json)) }
    }

    /// Makes the app's own API refuse every token, or accept them again.
    public func refuseRequests(_ isRefusing: Bool) { mutex.withLock { refusesAPI = isRefusing } }

    /// Answers a call of a session.
    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try mutex.withLock {
            if isOffline { throw TransportError.network(code: -1009) }
            log.append(request)
            if var queue = answers[request.operation], !queue.isEmpty {
                defer { answers[request.operation] = queue }
                return queue.removeFirst()
            }
            return answer(request)
        }
    }

    /// Answers a request to the app's own API: 200 and an empty object, or 401 without a living token.
    public func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let isAccepted = try mutex.withLock {
            if isOffline { throw TransportError.network(code: -1009) }
            return !refusesAPI && grant(request.value(forHTTPHeaderField: "Authorization")) != nil
        }
        guard let url = request.url, let response = HTTPURLResponse(
            url: url, statusCode: isAccepted ? 200 : 401, httpVersion: nil, headerFields: nil)
        else { throw TransportError.badAnswer }
        return (Data("{}".utf8), response)
    }
}
