import Foundation

/// Shows the system's prompt for a face, a finger or the device's code.
public protocol UnlockPrompt: Sendable {
    /// Returns when the user has proved to be there.
    ///
    /// - Throws: ``SessionError/unlockCancelled`` where the user dismissed it,
    ///   ``SessionError/unlockFailed`` where its key is gone,
    ///   ``SessionError/unlockUnavailable(_:)`` where the device cannot show it.
    func show() async throws(SessionError)
}

/// Why a device cannot show an unlock prompt.
public enum UnlockUnavailable: String, Hashable, Sendable, CaseIterable {
    /// No face or finger is enrolled.
    case notEnrolled = "not_enrolled"
    /// Too many faces or fingers were wrong: the user unlocks the device with its code first.
    case lockedOut = "locked_out"
    /// The device has no code.
    case noPasscode = "no_passcode"
    /// The device has no sensor, or the user does not allow the app to use it.
    case unavailable

    var text: String {
        switch self {
        case .notEnrolled: "No face or finger is enrolled on this device."
        case .lockedOut: "Too many wrong tries. Lock the device and unlock it with its code."
        case .noPasscode: "This device has no code. Set one and try again."
        case .unavailable: "This device cannot ask for a face or a finger, or the app may not."
        }
    }
}

/// Asks for the user before the session's tokens are used by the app. All who wait share one
/// prompt; after a dismissal nobody is asked for 30 s. Refreshing never asks.
public actor BiometricLock {
    /// What happens on a device that cannot show the prompt.
    public enum UnavailablePolicy: Sendable {
        /// The lock stays locked: calls fail with ``SessionError/unlockUnavailable(_:)``.
        case closed
        /// The lock opens, unless the device is only locked out for now.
        case open
    }

    private let prompt: any UnlockPrompt
    private let clock: any SessionClock
    private let whenUnavailable: UnavailablePolicy
    private static let pause: TimeInterval = 30

    private var isUnlocked = false
    private var quiet: (until: TimeInterval, error: SessionError)?
    private let prompting = SharedWork<Void>()

    /// Makes a lock, which is locked.
    public init(
        prompt: any UnlockPrompt, whenUnavailable: UnavailablePolicy = .closed, clock: any SessionClock = SystemClock()
    ) {
        (self.prompt, self.whenUnavailable, self.clock) = (prompt, whenUnavailable, clock)
    }

    /// Locks again, such as when the app goes to the background.
    public func lock() { isUnlocked = false }

    /// Returns at once while unlocked, else after the prompt.
    ///
    /// - Throws: ``SessionError/unlockCancelled``, ``SessionError/unlockFailed``,
    ///   ``SessionError/unlockUnavailable(_:)`` or ``SessionError/cancelled``.
    public func unlock() async throws(SessionError) {
        if isUnlocked { return }
        if let quiet, clock.uptime < quiet.until { throw quiet.error }
        try await prompting.join { await self.ask() }
    }

    private func ask() async -> Result<Void, SessionError> {
        do {
            try await prompt.show()
        } catch {
            // No prompt was shown: the user may change it in the settings and come back at once.
            guard case .unlockUnavailable(let reason) = error else {
                quiet = (clock.uptime + Self.pause, error)
                return .failure(error)
            }
            guard whenUnavailable == .open, reason != .lockedOut else { return .failure(error) }
        }
        isUnlocked = true
        quiet = nil
        return .success(())
    }
}
