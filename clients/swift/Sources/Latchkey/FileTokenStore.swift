import Foundation

/// A store of files that only their owner can read. For command-line tools and servers: on a
/// phone use the Keychain.
public struct FileTokenStore: TokenStore {
    private let directory: URL
    private let locks: FileLock

    /// Makes a store in a directory, which is made where it is missing.
    ///
    /// - Throws: ``StoreError/failed(code:)`` where it cannot be made.
    public init(directory: URL) throws(StoreError) {
        do {
            try FileManager.default.createDirectory(
                at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw .failed(code: (error as NSError).code) }
        self.directory = directory.standardizedFileURL
        locks = FileLock(directory: directory)
    }

    /// The directory.
    public var identity: String { "file:" + directory.path }

    /// Returns what the file holds.
    public func read(_ item: StoreItem) throws(StoreError) -> String? {
        let file = open(path(item), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw .failed(code: Int(errno))
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: TokenRecord.largest + 1)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw .failed(code: Int(errno)) }
        return count == 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Writes a file beside it, brings it to the disk, and renames it.
    public func write(_ text: String, to item: StoreItem) throws(StoreError) {
        let beside = path(item) + ".new"
        let file = open(beside, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .failed(code: Int(errno)) }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        let synced = fsync(file)
        let code = errno
        close(file)
        guard written == bytes.count, synced == 0 else { throw .failed(code: Int(code)) }
        guard rename(beside, path(item)) == 0 else { throw .failed(code: Int(errno)) }
    }

    /// Removes the file.
    public func delete(_ item: StoreItem) throws(StoreError) {
        guard unlink(path(item)) == 0 || errno == ENOENT else { throw .failed(code: Int(errno)) }
    }

    /// Takes a lock among all processes that use the directory.
    public func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease? { try locks.tryLock(scope) }

    private func path(_ item: StoreItem) -> String { directory.appendingPathComponent(item.rawValue).path }
}
