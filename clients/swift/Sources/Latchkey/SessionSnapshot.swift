import Foundation
import LatchkeyAPI

/// What a session is at one moment, and whose.
public struct SessionSnapshot: Hashable, Sendable {
    /// What it is.
    public let state: SessionState
    /// The id of the user who is signed in, where the store has been read.
    public let userID: UserID?
    /// The user, once a sign-in or a refresh of this launch has told. The store keeps the id only.
    public let user: User?

    /// Makes a snapshot, such as for the preview of a screen.
    public init(state: SessionState, userID: UserID? = nil, user: User? = nil) {
        (self.state, self.userID, self.user) = (state, userID, user)
    }
}

extension Session {
    /// What the session is now, and whose. Sends nothing.
    public func snapshot() -> SessionSnapshot {
        let state = state()
        return SessionSnapshot(state: state, userID: userID, user: state == .signedIn ? user : nil)
    }

    /// What the session is: now, and after each change. Each call makes a stream of its own.
    public nonisolated func snapshots() -> AsyncStream<SessionSnapshot> {
        let news = broadcast.streamOfNews()
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task { [weak self] in
                if let now = await self?.snapshot() { continuation.yield(now) }
                for await _ in news {
                    guard let next = await self?.snapshot() else { break }
                    continuation.yield(next)
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
