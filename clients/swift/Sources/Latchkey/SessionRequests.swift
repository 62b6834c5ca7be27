import Foundation
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

extension Session {
    /// Sends a request to the app's own server with the access token, by the same rules: HTTPS
    /// only, no redirects, a 401 refreshes and repeats once. An API that refuses tokens although they
    /// are new makes the session refresh no more than six times in ten minutes; its 401 is handed out then.
    ///
    /// - Throws: ``SessionError``; ``SessionError/foreignHost`` where the address is neither the
    ///   Latchkey server's nor below one of ``SessionOptions/origins``.
    public nonisolated func data(for request: URLRequest) async throws(SessionError) -> (Data, HTTPURLResponse) {
        let origin = try origin(of: request)
        do {
            try await options.unlock?.unlock()
            let token = try await accessToken()
            let first = try await send(request, token.value)
            guard first.1.statusCode == 401 else {
                if token.isFresh { note(false, token.value, origin) }
                note(accepted: origin)
                return first
            }
            guard !token.isFresh, let renewed = try await renew(token.value, refusedBy: origin) else {
                if token.isFresh { note(true, token.value, origin) }
                return first
            }

            let second = try await send(request, renewed)
            note(second.1.statusCode == 401, renewed, origin)
            return second
        } catch { throw SessionError(error) }
    }

    /// The origin of a request that may carry the access token.
    private nonisolated func origin(of request: URLRequest) throws(SessionError) -> String {
        guard let url = request.url, let address = try? WebAddress(request: url, allowsInsecureHTTP: options.allowsInsecureHTTP),
              address.origin == server.origin || origins.contains(where: { $0.contains(address) })
        else { throw .foreignHost }
        return address.origin
    }

    private nonisolated func send(_ request: URLRequest, _ token: String) async throws -> (Data, HTTPURLResponse) {
        var request = request
        request.setValue("Bearer " + token, forHTTPHeaderField: "Authorization")
        let wire = request
        return try await quickly {
            try await limit(options.timeout, clock) { try await requests.send(wire) }
        }
    }
}
