import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Why there was no answer.
public enum TransportError: Error, Hashable, Sendable {
    /// The address is neither HTTPS nor the loopback interface's.
    case insecureAddress
    /// The request took longer than it may.
    case timedOut
    /// The server's certificate is none of those that are pinned.
    case untrustedServer
    /// The answer is larger than 16 MiB, or no HTTP.
    case badAnswer
    /// The network failed; the code is that of `URLError`.
    case network(code: Int)
}

/// Judges a server's certificates beyond what the system demands of them.
public protocol ServerTrustPolicy: Sendable {
    /// Says whether one of the certificates, in DER, leaf first, will do for the host.
    func accepts(host: String, certificates: [Data]) -> Bool
}

/// The transport over `URLSession`: an ephemeral session without cookies, cache or stored
/// credentials. Redirects are not followed: the answer that asks for one is handed out, so
/// that credentials never reach another host.
public final class URLSessionTransport: Transport {
    private let server: URL
    private let session: URLSession
    private let tasks: TaskDelegate

    /// Makes a transport.
    ///
    /// - Parameters:
    ///   - server: The address that the operations' paths are below; HTTPS, or HTTP on the
    ///     loopback interface.
    ///   - trust: Pins, if any. Not asked on the loopback interface.
    ///   - timeout: Seconds between two packets.
    /// - Throws: ``TransportError/insecureAddress``.
    public init(server: URL, trust: (any ServerTrustPolicy)? = nil, timeout: TimeInterval = 15) throws(TransportError) {
        guard Self.isSecure(server) else { throw .insecureAddress }
        self.server = server
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        configuration.urlCredentialStorage = nil
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        configuration.timeoutIntervalForRequest = timeout
        configuration.httpMaximumConnectionsPerHost = 6
        tasks = TaskDelegate(trust: trust)
        session = URLSession(configuration: configuration, delegate: tasks, delegateQueue: nil)
    }

    deinit { session.finishTasksAndInvalidate() }

    /// Whether credentials may be sent there: HTTPS, or HTTP on the loopback interface.
    public static func isSecure(_ url: URL) -> Bool {
        let host = url.host ?? ""
        return url.scheme == "https" && !host.isEmpty
            || url.scheme == "http" && ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
    }

    /// Sends a request below the server's address.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard var parts = URLComponents(url: server, resolvingAgainstBaseURL: true) else { throw TransportError.insecureAddress }
        let prefix = parts.percentEncodedPath
        parts.percentEncodedPath = (prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix) + request.path
        if !request.query.isEmpty { parts.queryItems = request.query }
        guard let url = parts.url else { throw TransportError.insecureAddress }
        var wire = URLRequest(url: url)
        wire.httpMethod = request.method
        wire.httpBody = request.body
        for (name, value) in request.headers { wire.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await send(wire)
        let headers = response.allHeaderFields.compactMap { key, value in (key as? String).map { ($0, "\(value)") } }
        return HTTPResponse(status: response.statusCode, headers: Dictionary(headers) { $1 }, body: data)
    }

    /// Sends any request, such as one to an app's own server, by the same rules.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    public func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        guard let url = request.url, Self.isSecure(url) else { throw TransportError.insecureAddress }
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                tasks.expect(task, continuation)
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }
}
