import Foundation

/// Why a call has no answer of the description. Carries the operation's id first.
public enum ClientError: Error, Sendable {
    /// The input cannot be written as JSON.
    case encoding(String, any Error)
    /// The transport or a middleware failed: no answer that could be judged.
    case transport(String, any Error)
    /// The status is in the description, the body or a header is not what that says: a
    /// captive portal, a proxy. Nothing is known about the credentials.
    case undocumented(String, HTTPResponse)
}

/// What carries requests to the server.
public protocol Transport: Sendable {
    /// Returns the answer, whatever its status; throws where there was none.
    func send(_ request: HTTPRequest) async throws -> HTTPResponse
}

/// Sees every call on its way out and back: adds credentials, repeats, counts.
public protocol Middleware: Sendable {
    /// Returns an answer, usually that of `next`, which may be asked more than once.
    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse
}

/// The generated operations over a transport. Holds no state and no credentials.
public struct Client: Sendable {
    private let transport: any Transport
    private let middlewares: [any Middleware]

    /// Makes a client; the first middleware is the outermost.
    public init(transport: any Transport, middlewares: [any Middleware] = []) {
        (self.transport, self.middlewares) = (transport, middlewares)
    }

    func send(_ request: HTTPRequest) async throws(ClientError) -> HTTPResponse {
        var next: @Sendable (HTTPRequest) async throws -> HTTPResponse = { [transport] in try await transport.send($0) }
        for middleware in middlewares.reversed() {
            let inner = next
            next = { try await middleware.intercept($0, next: inner) }
        }
        do { return try await next(request) } catch { throw .transport(request.operation, error) }
    }
}
