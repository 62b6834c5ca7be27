import Foundation
import LatchkeyAPI

/// The members of an answer that a session looks at, whatever the operation.
struct Answer: Decodable, Sendable {
    struct Meta: Decodable, Sendable {
        let isAuthenticated: Bool?
        let sessionToken, accessToken, refreshToken, deviceToken: String?

        private enum CodingKeys: String, CodingKey {
            case isAuthenticated = "is_authenticated", sessionToken = "session_token"
            case accessToken = "access_token", refreshToken = "refresh_token", deviceToken = "device_token"
        }
    }

    struct Body: Decodable, Sendable {
        let flows: [Flow]?
        let user: Owner?
    }

    /// A user, as far as the operation gives one.
    struct Owner: Decodable, Sendable {
        let id: UserID?
        let whole: User?

        private enum CodingKeys: String, CodingKey { case id }

        init(from decoder: any Decoder) throws {
            whole = try? User(from: decoder)
            id = try? decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(UserID.self, forKey: .id)
        }
    }

    struct Failure: Decodable, Sendable { let code: String? }

    let status: Int?
    let meta: Meta?
    let errors: [Failure]?
    private let data: Lenient<Body>?

    var flows: [Flow] { data?.value?.flows ?? [] }
    var userID: UserID? { data?.value?.user?.id }
    var user: User? { data?.value?.user?.whole }

    /// Reads an answer; nil where it is no envelope of ours with the status that it came with.
    init?(_ response: HTTPResponse) {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: response.body), answer.status == response.status else { return nil }
        self = answer
    }

    /// What a client does with it.
    func action(operation: String, bearerSent: Bool) -> ClientAction {
        let facts = AnswerFacts(
            code: errors?.first?.code, flowPending: flows.contains { $0.isPending == true },
            isAuthenticated: meta?.isAuthenticated == true, bearerSent: bearerSent)
        return ClientActions.action(operation: operation, status: status ?? 0, facts: facts)
    }
}

/// A member that other operations give another shape.
private struct Lenient<Value: Decodable & Sendable>: Decodable, Sendable {
    let value: Value?
    init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}
