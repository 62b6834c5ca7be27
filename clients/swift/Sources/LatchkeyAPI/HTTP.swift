import Foundation

/// A call on its way to the server.
///
/// Its description shows neither headers nor body, which carry secrets.
public struct HTTPRequest: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The `operationId` of the description.
    public let operation: String
    /// The method, in capitals.
    public let method: String
    /// The path below the server's address, percent-encoded.
    public var path: String
    /// The query, in order.
    public var query: [URLQueryItem] = []
    /// The headers by name.
    public var headers: [String: String] = [:]
    /// The body, if any.
    public var body: Data?
    /// The security schemes that the operation takes, each one enough; an empty word where it
    /// can go without. Empty for a public operation.
    public let security: [String]

    /// Makes a request that asks for JSON.
    public init(operation: String, method: String, path: String, security: [String] = []) {
        (self.operation, self.method, self.path, self.security) = (operation, method, path, security)
        headers["Accept"] = "application/json"
    }

    /// The method and the operation.
    public var description: String { "\(method) \(operation)" }

    /// A mirror without secrets.
    public var customMirror: Mirror { Mirror(self, children: ["operation": operation, "method": method]) }

    mutating func add<T>(query name: String, _ value: T?) {
        if let value { query.append(URLQueryItem(name: name, value: wireText(value))) }
    }

    mutating func add<T>(header name: String, _ value: T?) {
        if let value { headers[name] = wireText(value) }
    }

    mutating func encode(_ value: some Encodable) throws(ClientError) {
        do { body = try JSONCoding.encoder().encode(value) } catch { throw .encoding(operation, error) }
        headers["Content-Type"] = "application/json"
    }
}

/// An answer of the server, or of somebody between us and it.
///
/// Its description shows neither headers nor body, which carry secrets.
public struct HTTPResponse: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The status.
    public let status: Int
    /// The headers by lower-case name.
    public let headers: [String: String]
    /// The body, empty where there is none.
    public let body: Data

    /// Makes an answer; header names are brought to lower case.
    public init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
        self.status = status
        self.headers = Dictionary(headers.map { ($0.lowercased(), $1) }) { $1 }
        self.body = body
    }

    /// The status and the size of the body.
    public var description: String { "status \(status), \(body.count) bytes" }

    /// A mirror without secrets.
    public var customMirror: Mirror { Mirror(self, children: ["status": status, "bytes": body.count]) }

    /// The seconds of `Retry-After`, where it gives seconds.
    public var retryAfter: TimeInterval? { headers["retry-after"].flatMap { Int($0) }.map { TimeInterval($0) } }

    func decoded<T: Decodable>(_: T.Type, _ request: HTTPRequest) throws(ClientError) -> T {
        do { return try JSONCoding.decoder().decode(T.self, from: body) } catch {
            throw .undocumented(request.operation, self)
        }
    }

    func header<T: LosslessStringConvertible>(_ name: String, _: T.Type, _ request: HTTPRequest) throws(ClientError) -> T {
        guard let value = headers[name.lowercased()].flatMap(T.init) else { throw .undocumented(request.operation, self) }
        return value
    }
}
