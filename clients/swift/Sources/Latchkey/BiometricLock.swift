import Foundation

/// Shows the system's prompt for a face, a finger or the device's code.
public protocol UnlockPrompt: Sendable {
    /// Returns when the person has proved to be there.
    ///
    /// - Throws: ``SessionError/unlockCancelled`` where they dismissed it,
    ///   ``SessionError/unlockFailed`` where it cannot be shown or its key is gone.
    func show() async throws(SessionError)
}

/// Asks for the person before the session's tokens are used by the app. All who wait share one
/// prompt; after a dismissal nobody is asked for 30 s. Refreshing never asks.
public actor BiometricLock {
    private let prompt: any UnlockPrompt
    private let clock: any SessionClock
    private static let pause: TimeInterval = 30

    private var isUnlocked = false
    private var quietUntil: TimeInterval = -.infinity
    private let prompting = SharedWork<Void>()

    /// Makes a lock, which is locked.
    public init(prompt: any UnlockPrompt, clock: any SessionClock = SystemClock()) {
        (self.prompt, self.clock) = (prompt, clock)
    }

    /// Locks again, such as when the app goes to the background.
    public func lock() { isUnlocked = false }

    /// Returns at once while unlocked, else after the prompt.
    ///
    /// - Throws: ``SessionError/unlockCancelled``, ``SessionError/unlockFailed`` or
    ///   ``SessionError/cancelled``.
    public func unlock() async throws(SessionError) {
        if isUnlocked { return }
        guard clock.uptime >= quietUntil else { throw .unlockCancelled }
        try await prompting.join { await self.ask() }
    }

    private func ask() async -> Result<Void, SessionError> {
        do {
            try await prompt.show()
            isUnlocked = true
            return .success(())
        } catch {
            quietUntil = clock.uptime + Self.pause
            return .failure(error)
        }
    }
}
