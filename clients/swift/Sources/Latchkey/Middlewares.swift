import Foundation
import LatchkeyAPI

/// Gives a request a certain time, by the session's clock.
struct Timeout: Middleware {
    let clock: any SessionClock
    let seconds: TimeInterval

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        try await limit(seconds, clock) { try await next(request) }
    }
}

/// Runs a body, or throws ``TransportError/timedOut`` when the clock is faster.
func limit<T: Sendable>(_ seconds: TimeInterval, _ clock: any SessionClock, _ body: @Sendable () async throws -> T) async throws -> T {
    try await withoutActuallyEscaping(body) { body in
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await clock.sleep(for: seconds)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else { throw TransportError.timedOut }
            return answer
        }
    }
}

/// Sends one access token.
///
/// Its mirror shows no token.
struct Bearer: Middleware, CustomReflectable {
    let token: String

    var customMirror: Mirror { Mirror(self, children: []) }

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        try await next(request.carrying(bearer: token))
    }
}

/// Sends a session token with everything.
struct SessionTokenHeader: Middleware, CustomReflectable {
    let token: String

    var customMirror: Mirror { Mirror(self, children: []) }

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        try await next(request.carrying(sessionToken: token))
    }
}

/// Tells the server what to call this device.
struct DeviceName: Middleware {
    let value: String

    init(_ name: String) {
        // Headers are ASCII; what iOS calls a phone has a typographic apostrophe.
        let plain = name.replacingOccurrences(of: "\u{2019}", with: "'").folding(options: .diacriticInsensitive, locale: nil)
        value = String(String.UnicodeScalarView(plain.unicodeScalars.filter { (32..<127).contains($0.value) }).prefix(64))
    }

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        var request = request
        request.headers["X-Device-Name"] = value
        return try await next(request)
    }
}

/// Hands every authenticated operation to the session. The refresh call is none of them.
struct Authentication: Middleware {
    let session: Session
    /// The sign-in that the operations are steps of; nil where each is what it is.
    let attempt: SignInAttempt?

    func intercept(
        _ request: HTTPRequest, next: @Sendable (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        guard request.security.contains("bearerAuth") else { return try await next(request) }
        return try await session.authenticate(request, attempt, next)
    }
}

extension HTTPRequest {
    func carrying(bearer token: String) -> HTTPRequest {
        var request = self
        request.headers["Authorization"] = "Bearer " + token
        return request
    }

    func carrying(sessionToken token: String) -> HTTPRequest {
        var request = self
        request.headers["X-Session-Token"] = token
        return request
    }
}
