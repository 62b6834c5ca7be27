import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Why there was no answer.
public enum TransportError: Error, Hashable, Sendable {
    /// The address is neither HTTPS nor the loopback interface's.
    case insecureAddress
    /// The address cannot be the one of a server; the text says why.
    case invalidAddress(String)
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

/// Carries any request, such as one to an app's own API.
public protocol RequestTransport: Sendable {
    /// Returns the answer, whatever its status; throws where there was none.
    func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse)
}

/// The transport over `URLSession`: an ephemeral session without cookies, cache or stored
/// credentials. Redirects are not followed: the answer that asks for one is handed out, so
/// that credentials never reach another host.
public final class URLSessionTransport: Transport, RequestTransport, CustomReflectable {
    private let server: WebAddress
    private let allowsInsecureHTTP: Bool
    private let session: URLSession
    private let tasks: TaskDelegate

    /// Makes a transport.
    ///
    /// - Parameters:
    ///   - server: The address that the operations' paths are below; HTTPS, or HTTP on the
    ///     loopback interface.
    ///   - trust: Pins, if any. Not asked on the loopback interface.
    ///   - timeout: Seconds between two packets.
    ///   - allowsInsecureHTTP: Whether HTTP to any host will do, such as to `latchkey dev` on a
    ///     laptop while a phone runs the app. Everybody in that network can read passwords and tokens then.
    /// - Throws: ``TransportError/insecureAddress``, ``TransportError/invalidAddress(_:)``.
    public init(
        server: URL, trust: (any ServerTrustPolicy)? = nil, timeout: TimeInterval = 15, allowsInsecureHTTP: Bool = false
    ) throws(TransportError) {
        self.server = try WebAddress(base: server, allowsInsecureHTTP: allowsInsecureHTTP)
        self.allowsInsecureHTTP = allowsInsecureHTTP
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

    /// A mirror without requests on their way, which carry secrets.
    public var customMirror: Mirror { Mirror(self, children: ["server": server.description]) }

    /// Sends a request below the server's address.
    ///
    /// - Throws: ``TransportError``, or `CancellationError`.
    public func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        guard var parts = URLComponents(string: server.origin) else { throw TransportError.invalidAddress("it is not a URL") }
        parts.percentEncodedPath = server.path + request.path
        if !request.query.isEmpty { parts.queryItems = request.query }
        guard let url = parts.url else { throw TransportError.invalidAddress("it is not a URL") }

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
        guard let url = request.url else { throw TransportError.invalidAddress("it is not a URL") }
        _ = try WebAddress(request: url, allowsInsecureHTTP: allowsInsecureHTTP)

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

extension TransportError: LocalizedError {
    /// A sentence for the user or the developer.
    public var errorDescription: String? {
        switch self {
        case .insecureAddress: "The address of the server is HTTP on another host than this one. Use HTTPS, or allow it for development."
        case .invalidAddress(let reason): "This cannot be the address of a server: \(reason)."
        case .timedOut: "The server did not answer in time. Check the connection and try again."
        case .untrustedServer: "The server's certificate is not one that the app expects."
        case .badAnswer: "The answer of the server cannot be read. Try again."
        case .network: "There is no connection to the server. Check the connection and try again."
        }
    }
}
