import Foundation
import Latchkey
import LatchkeyAPI

/// A person in front of a sheet: shows and makes passkeys, signs in elsewhere, or dismisses it.
final class TestPrompt: PasskeyPrompt, ProviderPrompt, @unchecked Sendable {
    static let shown = Credential.object(["id": .string("AQI"), "type": .string("public-key")])

    private let mutex = NSLock()
    private let error: PromptError?
    private var log: [String] = []

    init(_ error: PromptError? = nil) { self.error = error }

    /// What was asked of the person.
    var asked: [String] { mutex.withLock { log } }

    func create(_ options: JsonObject) async throws(PromptError) -> Credential { try answer("create", options) }

    func assert(_ options: JsonObject) async throws(PromptError) -> Credential { try answer("assert", options) }

    func credential(nonce: ProviderNonce) async throws(PromptError) -> ProviderCredential {
        note("apple \(nonce.nonceSha256)")
        if let error { throw error }
        return .apple(clientID: "com.example.app", identityToken: "id-token", authorizationCode: "c0de", name: "Ada Lovelace")
    }

    private func answer(_ what: String, _ options: JsonObject) throws(PromptError) -> Credential {
        note(options == ["challenge": .string("AQI")] ? what : "\(what) with other options")
        if let error { throw error }
        return Self.shown
    }

    private func note(_ what: String) { mutex.withLock { log.append(what) } }
}
