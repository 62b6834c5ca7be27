import Foundation

/// Locks that are files: they hold across processes, and end with the process that holds them.
/// In an app group, put them where all its processes can write.
public struct FileLock: Sendable {
    /// Where the files are.
    public let directory: URL

    /// Makes locks in a directory, which must exist.
    public init(directory: URL) { self.directory = directory }

    /// Takes a lock, or returns nil where another process or session holds it.
    public func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease? {
        let path = directory.appendingPathComponent(scope.rawValue).path
        let file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .failed(code: Int(errno)) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(file)
            if code == EWOULDBLOCK { return nil }
            throw .failed(code: Int(code))
        }
        return StoreLease { close(file) }
    }
}
