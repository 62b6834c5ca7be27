import Foundation
import Latchkey
import LatchkeyAPI

/// What the server answers. Called under its lock.
extension FakeServer {
    func answer(_ request: HTTPRequest) -> HTTPResponse {
        switch request.operation {
        case "login": return login(Self.read(request))
        case "signup": return signUp(Self.read(request))
        case "submitSecondFactor": return secondFactor(request)
        case "refreshToken": return refresh(request)
        case "exchangeSessionToken": return exchange(request)
        case "endSession":
            if let id = grant(request.headers["Authorization"]) { grants[id]?.ended = "session_ended" }
            return unauthorized()
        case "getProfile", "updateProfile":
            guard let account = account(of: request) else { return unauthorized() }
            return Self.json(200, profile(account))
        case "getSession":
            guard let account = account(of: request) else { return unauthorized() }
            return Self.json(200, authenticated(account, "{\"is_authenticated\":true}"))
        default: return Self.problem(404, "not_found", "Give this operation an answer: answer(\"\(request.operation)\", with: …).")
        }
    }

    private func login(_ given: LoginRequest?) -> HTTPResponse {
        guard let account = accounts.firstIndex(where: { $0.email == given?.email && $0.password == given?.password }) else {
            return Self.problem(400, "email_password_mismatch", "The email address and/or password you specified are not correct.")
        }
        guard accounts[account].secondFactor != nil else { return begin(account) }
        let token = "lkst_\(attempts.count + 1)"
        attempts[token] = account
        return pending(token)
    }

    private func signUp(_ given: SignupRequest?) -> HTTPResponse {
        guard let email = given?.email, let password = given?.password else { return Self.problem(400, "required", "This field is required.") }
        guard !accounts.contains(where: { $0.email == email }) else {
            return Self.problem(400, "email_taken", "A user is already registered with this email address.")
        }
        accounts.append(Account(email: email, password: password, display: email))
        return begin(accounts.count - 1)
    }

    private func secondFactor(_ request: HTTPRequest) -> HTTPResponse {
        guard let token = request.headers["X-Session-Token"], let account = attempts[token] else { return unauthorized() }
        let given: [String: String]? = Self.read(request)
        guard given?["code"] == accounts[account].secondFactor else { return Self.problem(400, "incorrect_code", "Incorrect code.") }
        attempts[token] = nil
        return begin(account)
    }

    private func begin(_ account: Int) -> HTTPResponse { pair(open(account)) }

    /// Opens a session; returns its id.
    func open(_ account: Int) -> Int {
        let id = grants.count + 1
        grants[id] = Grant(account: account)
        return id
    }

    private func refresh(_ request: HTTPRequest) -> HTTPResponse {
        let given: [String: String]? = Self.read(request)
        guard let parts = given?["refresh"]?.split(separator: "~"), parts.count == 3, let id = Int(parts[1]), let generation = Int(parts[2]),
              let grant = grants[id]
        else { return Self.problem(400, "refresh_token_invalid", "The refresh token is not valid.") }
        if let ended = grant.ended { return Self.problem(400, ended, "The session is over.") }

        guard spend(generation, of: id, request) else {
            return Self.problem(400, "refresh_token_reused", "The refresh token was used before.")
        }
        return pair(id)
    }

    private func exchange(_ request: HTTPRequest) -> HTTPResponse {
        guard let id = apps[request.headers["X-Session-Token"] ?? ""], let grant = grants[id], grant.ended == nil
        else { return gone(request) }

        let generation = grant.exchanged ?? grant.generation
        grants[id]?.exchanged = generation
        return spend(generation, of: id, request) ? pair(id) : gone(request)
    }

    /// Spends a generation once, and again with the same key; any other use ends the session.
    private func spend(_ generation: Int, of id: Int, _ request: HTTPRequest) -> Bool {
        guard let grant = grants[id] else { return false }
        let key = request.headers["Idempotency-Key"]
        if generation == grant.generation {
            grants[id]?.generation += 1
            grants[id]?.key = key
            return true
        }
        let isRepeat = generation == grant.generation - 1 && key != nil && key == grant.key
        if !isRepeat { grants[id]?.ended = "refresh_token_reused" }
        return isRepeat
    }

    /// Answers a session token that is unknown, or whose session has ended.
    private func gone(_ request: HTTPRequest) -> HTTPResponse {
        let ended = apps[request.headers["X-Session-Token"] ?? ""].flatMap { grants[$0]?.ended }
        let reason = ended.map { ",\"end_reason\":\(Self.quoted($0))" } ?? ""
        return Self.json(410, "{\"status\":410,\"data\":{\"flows\":[]},\"meta\":{\"is_authenticated\":null\(reason)}}")
    }

    /// The session of an access token that is accepted.
    func grant(_ authorization: String?) -> Int? {
        guard let parts = authorization?.split(separator: "~"), parts.count == 3, let id = Int(parts[1]), let generation = Int(parts[2]),
              let grant = grants[id], grant.ended == nil, generation >= grant.oldest
        else { return nil }
        return id
    }

    private func account(of request: HTTPRequest) -> Int? { grant(request.headers["Authorization"]).flatMap { grants[$0]?.account } }

    private func pair(_ id: Int) -> HTTPResponse {
        guard let grant = grants[id] else { return unauthorized() }
        // A life of 300 s; the signature names the session.
        let access = "e30.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.~\(id)~\(grant.generation)"
        let meta = "{\"is_authenticated\":true,\"access_token\":\"\(access)\",\"refresh_token\":\"refresh~\(id)~\(grant.generation)\"}"
        return Self.json(200, authenticated(grant.account, meta))
    }

    private func authenticated(_ account: Int, _ meta: String) -> String {
        let (email, display) = (Self.quoted(accounts[account].email), Self.quoted(accounts[account].display))
        let user = "{\"id\":\(account + 1),\"display\":\(display),\"email\":\(email),\"has_usable_password\":true}"
        return "{\"status\":200,\"data\":{\"user\":\(user),\"methods\":[]},\"meta\":\(meta)}"
    }

    private func profile(_ account: Int) -> String {
        let (email, display) = (Self.quoted(accounts[account].email), Self.quoted(accounts[account].display))
        return "{\"id\":\(account + 1),\"email\":\(email),\"display\":\(display),\"email_verified\":true,\"tenant_id\":null,\"created_at\":1}"
    }

    private func pending(_ token: String) -> HTTPResponse {
        let flows = "[{\"id\":\"login\"},{\"id\":\"mfa_authenticate\",\"is_pending\":true,\"types\":[\"totp\"]}]"
        return Self.json(401, "{\"status\":401,\"data\":{\"flows\":\(flows)},\"meta\":{\"is_authenticated\":false,\"session_token\":\"\(token)\"}}")
    }

    private func unauthorized() -> HTTPResponse {
        Self.json(401, "{\"status\":401,\"data\":{\"flows\":[{\"id\":\"login\"}]},\"meta\":{\"is_authenticated\":false}}")
    }

    static func json(_ status: Int, _ body: String) -> HTTPResponse { HTTPResponse(status: status, body: Data(body.utf8)) }

    private static func problem(_ status: Int, _ code: String, _ message: String) -> HTTPResponse {
        json(status, "{\"status\":\(status),\"errors\":[{\"code\":\"\(code)\",\"message\":\(quoted(message))}]}")
    }

    private static func read<Body: Decodable>(_ request: HTTPRequest) -> Body? {
        request.body.flatMap { try? JSONDecoder().decode(Body.self, from: $0) }
    }

    private static func quoted(_ text: String) -> String {
        (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
