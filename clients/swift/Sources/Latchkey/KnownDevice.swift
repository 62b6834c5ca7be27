import Foundation
import LatchkeyAPI

/// Keeps the device token that a sign-in hands out, and sends it with the steps of later ones. The
/// server counts wrong passwords and messages of such a device by themselves, so that strangers
/// who guess do not lock its user out.
///
/// The token signs nobody in and stays after a sign-out. A store that does not keep it stops
/// no sign-in.
struct KnownDevice: Middleware {
    static let header = "X-Latchkey-Device"
    /// More than any device token has.
    static let largest = 256

    let store: any TokenStore

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        guard request.path.contains("/app/v1/auth/"), request.headers["Authorization"] == nil else { return try await next(request) }

        var request = request
        if let token = (try? store.read(.device)) ?? nil, Self.fits(token) { request.headers[Self.header] = token }

        let response = try await next(request)
        if response.status == 200, let token = Self.token(response.body) { try? store.write(token, to: .device) }
        return response
    }

    private struct Answer: Decodable {
        struct Meta: Decodable { let device_token: String? }
        let meta: Meta?
    }

    private static func token(_ body: Data) -> String? {
        let token = (try? JSONDecoder().decode(Answer.self, from: body))?.meta?.device_token
        return token.flatMap { fits($0) ? $0 : nil }
    }

    private static func fits(_ token: String) -> Bool { !token.isEmpty && token.utf8.count <= largest }
}
