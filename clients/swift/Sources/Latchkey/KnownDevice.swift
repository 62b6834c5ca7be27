import LatchkeyAPI

/// Sends the device token of the last sign-in with the steps of later ones. The server counts wrong
/// passwords and messages of a known device separately, so that strangers who guess do not lock the
/// user out.
///
/// The token signs nobody in and stays after a sign-out. A store that fails stops no sign-in.
struct KnownDevice: Middleware {
    static let header = "X-Latchkey-Device"
    /// More than any device token has.
    static let largest = 256

    let store: any TokenStore

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        guard belongsToSignIn(request), let token else { return try await next(request) }

        var request = request
        request.headers[Self.header] = token
        return try await next(request)
    }

    /// Whether a request is for the authentication part of the protocol, and carries no session. A
    /// refresh does not count.
    private func belongsToSignIn(_ request: HTTPRequest) -> Bool {
        request.path.contains("/app/v1/auth/") && request.headers["Authorization"] == nil && !request.operation.hasPrefix("refreshToken")
            && request.operation != "exchangeSessionToken"
    }

    /// The stored device token, or nil if the store has none or has another text.
    private var token: String? {
        guard let token = try? store.read(.device), Self.fits(token) else { return nil }
        return token
    }

    /// Stores the device token of a session that has just been stored.
    func keep(_ token: String?) {
        if let token, Self.fits(token) { try? store.write(token, to: .device) }
    }

    /// Removes the device token.
    func forget() { try? store.delete(.device) }

    /// Whether a text can be a device token. A header takes visible ASCII: anything else would make
    /// every sign-in fail.
    private static func fits(_ token: String) -> Bool {
        !token.isEmpty && token.utf8.count <= largest && token.utf8.allSatisfy { (33...126).contains($0) }
    }
}
