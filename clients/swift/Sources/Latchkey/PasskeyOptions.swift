import Foundation
import LatchkeyAPI

/// What a server asks of passkeys (WebAuthn, sections 5.4 and 5.5), as far as a device looks at it.
enum PasskeyOptions {
    struct Known: Decodable, Hashable, Sendable { let id: Base64URL }

    struct Creation: Decodable, Hashable, Sendable {
        struct Party: Decodable, Hashable, Sendable { let id: String }

        struct Person: Decodable, Hashable, Sendable {
            let id: Base64URL
            let name: String
            let displayName: String?
        }

        struct Algorithm: Decodable, Hashable, Sendable { let alg: Int }

        struct Selection: Decodable, Hashable, Sendable { let residentKey, userVerification: String? }

        let rp: Party
        let user: Person
        let challenge: Base64URL
        let pubKeyCredParams: [Algorithm]?
        let excludeCredentials: [Known]?
        let authenticatorSelection: Selection?
    }

    struct Request: Decodable, Hashable, Sendable {
        let challenge: Base64URL
        let rpId: String
        let allowCredentials: [Known]?
        let userVerification: String?
    }

    /// Reads options as a prompt is given them.
    static func read<Options: Decodable>(_ json: JsonObject, as _: Options.Type = Options.self) throws(PromptError) -> Options {
        guard let data = try? JSONEncoder().encode(json) else { throw .unavailable }
        do { return try JSONDecoder().decode(Options.self, from: data) } catch { throw .unavailable }
    }
}

/// A device's answers (WebAuthn, section 5.1), as JSON.
enum PasskeyAnswer {
    /// A new passkey. Whether it can sign in alone is left out where that is not known.
    static func creation(id: Data, clientData: Data, attestation: Data, transports: [String], isDiscoverable: Bool?) -> Credential {
        let properties = isDiscoverable.map { ["credProps": JSONValue.object(["rk": .bool($0)])] } ?? [:]
        return credential(id, properties, [
            "clientDataJSON": text(clientData), "attestationObject": text(attestation),
            "transports": .array(transports.map { .string($0) }),
        ])
    }

    /// A passkey that was shown.
    static func assertion(id: Data, clientData: Data, authenticatorData: Data, signature: Data, user: Data?) -> Credential {
        var response = ["clientDataJSON": text(clientData), "authenticatorData": text(authenticatorData), "signature": text(signature)]
        if let user, !user.isEmpty { response["userHandle"] = text(user) } // keys that are only second factors have none
        return credential(id, [:], response)
    }

    private static func credential(_ id: Data, _ extensions: [String: JSONValue], _ response: [String: JSONValue]) -> Credential {
        .object([
            "id": text(id), "rawId": text(id), "type": .string("public-key"),
            "response": .object(response), "clientExtensionResults": .object(extensions),
        ])
    }

    private static func text(_ data: Data) -> JSONValue { .string(Base64URL(data).text) }
}
