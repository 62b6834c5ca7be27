import Foundation
import LatchkeyAPI

/// What of a session can be chosen.
public struct SessionOptions: Sendable {
    /// Asks for a face, a finger or the device's code before tokens are used. None by default.
    public var unlock: BiometricLock?
    /// The keys that the server may have. None by default.
    public var pins: CertificatePins?
    /// What the list of sessions calls this device, at most 64 characters.
    public var deviceName: String?
    /// Remembers that the app was launched before. Without it a session survives in the
    /// Keychain when the app is removed and installed again.
    public var installMarker: (any InstallMarker)?
    /// What happens to a session that was there before this installation of the app.
    public var reinstallPolicy: ReinstallPolicy = .clear
    /// Hosts besides the server's that ``Session/data(for:)`` may send the access token to.
    public var trustedHosts: Set<String> = []
    /// Seconds that a request may take.
    public var timeout: TimeInterval = 15
    /// Real seconds to wait for a lock that another process holds.
    public var lockPatience: TimeInterval = 5
    /// What carries requests; by default ``URLSessionTransport`` with ``pins``.
    public var transport: (any Transport)?
    /// What a session knows of time.
    public var clock: any SessionClock = SystemClock()

    /// Makes the default options.
    public init() {}
}

/// What happens to a session that was there before this installation of the app.
public enum ReinstallPolicy: Sendable {
    /// The first launch starts signed out.
    case clear
    /// The session goes on.
    case keep
}
