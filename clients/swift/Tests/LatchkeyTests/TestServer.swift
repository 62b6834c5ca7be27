import Foundation
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A server behind a transport: it rotates refresh tokens by Latchkey's rule, as far as one
/// client can see it, and plays what is queued instead.
final class TestServer: Transport, RequestTransport, @unchecked Sendable {
    enum Played: Sendable {
        case response(HTTPResponse)
        case failure(TransportError)
        /// The server does its work and the answer is lost.
        case lost
    }

    private let mutex = NSLock()
    private var played: [String: [Played]] = [:]
    private var held: [String: [CheckedContinuation<Void, Never>]] = [:]
    private var holding: Set<String> = []
    private var generation = 1
    private var key: String?
    private var ended: String?
    private var minimum = 1
    private var offline = false
    private var young = false
    private var userID = "7"
    private var refusing: Set<String> = []
    private(set) var log: [HTTPRequest] = []
    private(set) var asked: [URLRequest] = []

    func play(_ operation: String, _ faults: Played...) { mutex.withLock { played[operation, default: []] += faults } }
    func cut(_ isOffline: Bool) { mutex.withLock { offline = isOffline } }
    func end(_ code: String?) { mutex.withLock { ended = code } }
    /// All refresh tokens are younger than the grace, or none is.
    /// The id of its user as JSON has it.
    func names(user json: String) { mutex.withLock { userID = json } }
    func repeatsTokens(_ isYoung: Bool) { mutex.withLock { young = isYoung } }
    /// From now on older access tokens are refused.
    func expire() { mutex.withLock { minimum = generation + 1 } }
    /// Makes APIs of the app's own, by their hosts, refuse every token.
    func refuse(_ hosts: String...) { mutex.withLock { refusing = Set(hosts) } }

    func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        let status = try mutex.withLock {
            if offline { throw TransportError.network(code: -1009) }
            asked.append(request)
            let text = request.value(forHTTPHeaderField: "Authorization")
            let generation = text?.split(separator: "~").last.flatMap { Int($0) } ?? 0
            return refusing.contains(request.url?.host ?? "") || generation < minimum || ended != nil ? 401 : 200
        }
        guard let url = request.url, let response = HTTPURLResponse(url: url, statusCode: status, httpVersion: nil, headerFields: nil)
        else { throw TransportError.badAnswer }
        return (Data(), response)
    }

    func hold(_ operation: String) { _ = mutex.withLock { holding.insert(operation) } }
    func letGo(_ operation: String) {
        let waiting = mutex.withLock {
            holding.remove(operation)
            return held.removeValue(forKey: operation) ?? []
        }
        for continuation in waiting { continuation.resume() }
    }

    func isHeld(_ operation: String, times: Int = 1) -> Bool { mutex.withLock { held[operation]?.count ?? 0 >= times } }
    func count(_ operation: String) -> Int { mutex.withLock { log.filter { $0.operation == operation }.count } }
    func requests(_ operation: String) -> [HTTPRequest] { mutex.withLock { log.filter { $0.operation == operation } } }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        if mutex.withLock({ offline }) { throw TransportError.network(code: -1009) }
        let fault: Played? = mutex.withLock {
            log.append(request)
            guard var queue = played[request.operation], !queue.isEmpty else { return nil }
            defer { played[request.operation] = queue }
            return queue.removeFirst()
        }
        await withCheckedContinuation { continuation in
            let isHeld = mutex.withLock {
                guard holding.contains(request.operation) else { return false }
                held[request.operation, default: []].append(continuation)
                return true
            }
            if !isHeld { continuation.resume() }
        }
        switch fault {
        case .response(let response): return response
        case .failure(let error): throw error
        case .lost:
            _ = answer(request)
            throw TransportError.network(code: -1005)
        case nil: return answer(request)
        }
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        mutex.withLock {
            switch request.operation {
            case "login", "signup", "loginByPasskey", "completePasskeySignup", "submitSecondFactor", "submitSecondFactorCredential",
                "submitProviderToken": return signIn()
            case "getPasskeyLoginOptions": return Self.options("request_options", #","meta":{"session_token":"lkst_options"}"#)
            case "getSecondFactorOptions", "getReauthenticationOptions": return Self.options("request_options")
            case "getCreationOptions", "getPasskeySignupOptions": return Self.options("creation_options")
            case "createProviderNonce": return Self.json(200, #"{"status":200,"data":{"nonce":"raw","nonce_sha256":"5a1b","expires_at":1}}"#)
            case "refreshToken": return refresh(request)
            case "exchangeSessionToken": return exchange(request)
            case "endSession":
                if bearer(request) != nil { ended = "session_ended" }
                return Self.unauthorized()
            default:
                guard let bearer = bearer(request), bearer >= minimum, ended == nil else { return Self.unauthorized() }
                return Self.json(200, #"{"id":\#(userID),"email":"ada@example.com","display":"ada","email_verified":true,"tenant_id":null,"created_at":1}"#)
            }
        }
    }

    private func signIn() -> HTTPResponse {
        (generation, key, ended, minimum) = (generation + 1, nil, nil, 1)
        return pair(#","device_token":"lkdt_\#(generation)""#)
    }

    private func refresh(_ request: HTTPRequest) -> HTTPResponse {
        guard let body = request.body, let sent = try? JSONDecoder().decode([String: String].self, from: body)["refresh"],
              let presented = sent.split(separator: "-").last.flatMap({ Int($0) })
        else { return Self.problem(400, "invalid_json") }
        if let ended { return Self.problem(400, ended) }
        let sentKey = request.headers["Idempotency-Key"]
        if presented == generation, young { return pair() }
        if presented == generation {
            (generation, key) = (generation + 1, sentKey)
        } else if presented != generation - 1 || sentKey == nil || sentKey != key {
            ended = "refresh_token_reused"
            return Self.problem(400, "refresh_token_reused")
        }
        return pair()
    }

    /// Exchanges a session token, which stands for the first generation.
    private func exchange(_ request: HTTPRequest) -> HTTPResponse {
        guard request.headers["X-Session-Token"] == "app-session", request.headers["Authorization"] == nil else {
            return Self.json(410, #"{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null}}"#)
        }
        if let ended {
            return Self.json(410, #"{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null,"end_reason":"\#(ended)"}}"#)
        }
        let sentKey = request.headers["Idempotency-Key"]
        if generation == 1 { (generation, key) = (2, sentKey) } else if generation != 2 || sentKey == nil || sentKey != key {
            ended = "refresh_token_reused"
            return exchangeRefused()
        }
        return pair()
    }

    private func exchangeRefused() -> HTTPResponse {
        Self.json(410, #"{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null,"end_reason":"refresh_token_reused"}}"#)
    }

    private func bearer(_ request: HTTPRequest) -> Int? {
        request.headers["Authorization"]?.split(separator: "~").last.flatMap { Int($0) }
    }

    private func pair(_ more: String = "") -> HTTPResponse {
        let meta = #"{"is_authenticated":true,"access_token":"\#(Self.access(generation))","refresh_token":"refresh-\#(generation)"\#(more)}"#
        return Self.json(200, #"{"status":200,"data":{"user":{"id":\#(userID),"display":"ada","has_usable_password":true},"methods":[]},"meta":\#(meta)}"#)
    }

    /// A token that lives 300 s by a clock of another decade.
    static func access(_ generation: Int) -> String {
        let claims = Data(#"{"iat":1000,"exp":1300}"#.utf8).base64EncodedString()
        return "e30.\(claims).~\(generation)".replacingOccurrences(of: "=", with: "")
    }

    /// The tokens of a generation, as a refresh brings them.
    static func pair(_ generation: Int) -> HTTPResponse {
        let meta = #"{"is_authenticated":true,"access_token":"\#(access(generation))","refresh_token":"refresh-\#(generation)"}"#
        return json(200, #"{"status":200,"data":{"user":{"id":7,"display":"ada","has_usable_password":true},"methods":[]},"meta":\#(meta)}"#)
    }

    static func options(_ name: String, _ meta: String = "") -> HTTPResponse {
        json(200, #"{"status":200,"data":{"\#(name)":{"publicKey":{"challenge":"AQI"}}}\#(meta)}"#)
    }

    /// Nobody new is signed in, and there are no tokens.
    static func proved() -> HTTPResponse {
        let user = #"{"id":7,"display":"ada","has_usable_password":true}"#
        return json(200, #"{"status":200,"data":{"user":\#(user),"methods":[]},"meta":{"is_authenticated":true}}"#)
    }

    static func gone() -> HTTPResponse {
        json(410, #"{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null}}"#)
    }

    static func json(_ status: Int, _ body: String, headers: [String: String] = [:]) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: Data(body.utf8))
    }

    static func problem(_ status: Int, _ code: String, headers: [String: String] = [:]) -> HTTPResponse {
        json(status, #"{"status":\#(status),"errors":[{"code":"\#(code)","message":"No."}]}"#, headers: headers)
    }

    static func unauthorized(authenticated: Bool = false, pending: String? = nil, sessionToken: String? = nil) -> HTTPResponse {
        let flow = pending.map { #",{"id":"\#($0)","is_pending":true}"# } ?? ""
        let token = sessionToken.map { #","session_token":"\#($0)""# } ?? ""
        return json(401, #"{"status":401,"data":{"flows":[{"id":"login"}\#(flow)]},"meta":{"is_authenticated":\#(authenticated)\#(token)}}"#)
    }
}
