import Foundation

/// Remembers in the app's own files that the app was launched before, and whether somebody was
/// signed in. The files go with the app; the Keychain stays.
public protocol InstallMarker: Sendable {
    /// Returns nil where the app was never launched, else whether somebody was signed in.
    func wasSignedIn() throws -> Bool?
    /// Notes that the app was launched, and whether somebody is signed in.
    func note(signedIn: Bool) throws
}

/// A marker that is a file. With extensions it must be in the directory that they share.
public struct FileInstallMarker: InstallMarker {
    private let file: URL

    /// Makes a marker in a directory, such as Application Support.
    public init(directory: URL) { file = directory.appendingPathComponent("latchkey-installed") }

    /// Reads the file.
    public func wasSignedIn() throws -> Bool? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        return try Data(contentsOf: file) == Data("signed in".utf8)
    }

    /// Writes the file.
    public func note(signedIn: Bool) throws {
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data((signedIn ? "signed in" : "signed out").utf8).write(to: file, options: .atomic)
    }
}
