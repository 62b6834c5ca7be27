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
    /// Remembers that the app was launched before. By default that of the store: of a
    /// ``KeychainTokenStore`` a file in Application Support, or in the directory of the app group.
    public var installMarker: (any InstallMarker)?
    /// What happens to a session that was there before this installation of the app.
    public var reinstallPolicy: ReinstallPolicy = .clear
    /// Addresses of the app's own APIs, such as `https://api.example.com/v1`. ``Session/data(for:)``
    /// sends the access token to them and below them, and to the server.
    public var origins: [URL] = []
    /// Whether the server and ``origins`` may be HTTP on other hosts than the loopback interface, such
    /// as `latchkey dev` on a laptop while a phone runs the app. For development only: everybody in
    /// the network can read passwords and tokens then.
    public var allowsInsecureHTTP = false
    /// Seconds that a request may take: 15, in an app extension 5.
    public var timeout: TimeInterval = RequestLimit.seconds(forBundleAt: Bundle.main.bundlePath)
    /// Real seconds to wait for a lock that another process holds.
    public var lockPatience: TimeInterval = 5
    /// What carries requests; by default ``URLSessionTransport`` with ``pins``.
    public var transport: (any Transport)?
    /// How the system is asked to let a refresh run in the background.
    package var activities = BackgroundActivities.system
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
