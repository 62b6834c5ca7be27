import Foundation
import Latchkey
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The device's prompt for a passkey: the kit answers it.
struct Keyring: PasskeyPrompt {
    let url: URL

    func create(_: JsonObject) async throws(PromptError) -> Credential { throw .unavailable }

    func assert(_ options: JsonObject) async throws(PromptError) -> Credential {
        do {
            var request = URLRequest(url: url)
            request.httpMethod = "POST"
            request.httpBody = try JSONEncoder().encode(options)
            let (data, response) = try await URLSession.shared.data(for: request)
            if (response as? HTTPURLResponse)?.statusCode == 200 { return try JSONDecoder().decode(Credential.self, from: data) }
        } catch {
            throw .failed(code: 0)
        }
        throw .cancelled
    }
}
