import Foundation

/// An address that a client sends credentials to, in one form: the base URL of a server or of an
/// API, or the URL of one request.
///
/// HTTPS is always accepted. HTTP is accepted for the loopback interface, and for other hosts by
/// an option only.
public struct WebAddress: Hashable, Sendable, CustomStringConvertible {
    /// Scheme, host and port in lower case; without the port that the scheme has by default.
    public let origin: String
    /// The path without dot segments and without a slash at its end, percent-encoded. Empty for the root.
    public let path: String

    /// Reads the base URL of a server or of an API.
    ///
    /// - Throws: ``TransportError/insecureAddress`` for HTTP to another host than the loopback
    ///   interface's, ``TransportError/invalidAddress(_:)`` for an address without a scheme or a
    ///   host, and for one with a user name, a query or a fragment.
    public init(base url: URL, allowsInsecureHTTP: Bool = false) throws(TransportError) {
        guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: true) else {
            throw .invalidAddress("it is not a URL")
        }
        guard parts.query == nil else { throw .invalidAddress("it has a query") }
        guard parts.fragment == nil else { throw .invalidAddress("it has a fragment") }

        try self.init(parts, allowsInsecureHTTP)
    }

    /// Reads the URL of a request. A query and a fragment are allowed and do not count.
    ///
    /// - Throws: As ``init(base:allowsInsecureHTTP:)``.
    public init(request url: URL, allowsInsecureHTTP: Bool = false) throws(TransportError) {
        guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: true) else {
            throw .invalidAddress("it is not a URL")
        }

        try self.init(parts, allowsInsecureHTTP)
    }

    private init(_ parts: URLComponents, _ allowsInsecureHTTP: Bool) throws(TransportError) {
        guard let scheme = parts.scheme?.lowercased() else { throw .invalidAddress("it has no scheme") }
        guard scheme == "https" || scheme == "http" else { throw .invalidAddress("its scheme is \(scheme)") }
        guard parts.user == nil, parts.password == nil else { throw .invalidAddress("it has a user name") }
        guard let host = Self.host(parts) else { throw .invalidAddress("it has no host") }
        guard scheme == "https" || Self.isLoopback(host) || allowsInsecureHTTP else { throw .insecureAddress }

        let usual = scheme == "https" ? 443 : 80
        let port = parts.port.flatMap { $0 == usual ? nil : ":\($0)" } ?? ""
        origin = scheme + "://" + (host.contains(":") ? "[\(host)]" : host) + port
        path = Self.withoutDotSegments(parts.percentEncodedPath)
    }

    /// The address as text.
    public var description: String { origin + path }

    /// The address as a URL, which paths of operations are appended to.
    public var url: URL? { URL(string: description) }

    /// Whether the other address is this one or below it.
    public func contains(_ other: WebAddress) -> Bool {
        origin == other.origin && (other.path == path || other.path.hasPrefix(path + "/"))
    }

    private static func host(_ parts: URLComponents) -> String? {
        guard let host = parts.host?.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]")), !host.isEmpty
        else { return nil }
        return host
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }

        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
    }

    /// RFC 3986, 5.2.4; encoded dots count as dots.
    private static func withoutDotSegments(_ path: String) -> String {
        var kept: [Substring] = []
        for segment in path.split(separator: "/") {
            switch segment.lowercased().replacingOccurrences(of: "%2e", with: ".") {
            case ".": break
            case "..": _ = kept.popLast()
            default: kept.append(segment)
            }
        }
        return kept.map { "/" + $0 }.joined()
    }
}
