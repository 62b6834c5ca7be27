import Foundation

/// Answers one connection on the loopback interface with given bytes.
final class LoopbackServer: @unchecked Sendable {
    let url: URL
    private let mutex = NSLock()
    private var text = ""

    /// What was asked.
    var request: String { mutex.withLock { text } }

    init(answer: String, holdsOn: Bool = false) throws {
        #if os(Linux)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic -> UInt16? in
                guard bind(listener, generic, length) == 0, listen(listener, 1) == 0, getsockname(listener, generic, &length) == 0 else { return nil }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
        guard let port, let url = URL(string: "http://127.0.0.1:\(port)") else { throw CocoaError(.fileNoSuchFile) }
        self.url = url
        Thread.detachNewThread { [self] in
            let connection = accept(listener, nil, nil)
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = recv(connection, &bytes, bytes.count, 0)
            mutex.withLock { text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) }
            _ = Array(answer.utf8).withUnsafeBytes { send(connection, $0.baseAddress, $0.count, 0) }
            if holdsOn { _ = recv(connection, &bytes, bytes.count, 0) }
            close(connection)
            close(listener)
        }
    }
}
