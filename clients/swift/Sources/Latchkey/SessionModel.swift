#if canImport(Combine)
// On Linux there are no screens, and Swift 6.0's Observation does not link there.
import Combine
import LatchkeyAPI
import Observation

/// A session for SwiftUI: what it is, and whose, as a view shows it. Make one beside the session and
/// put it into the environment.
@available(iOS 17, macOS 14, watchOS 10, tvOS 17, visionOS 1, *)
@MainActor
@Observable
public final class SessionModel {
    /// The session.
    public let session: Session
    /// What the session is; nil until the store has been read for the first time.
    public private(set) var snapshot: SessionSnapshot?

    /// The state; nil until the store has been read for the first time.
    public var state: SessionState? { snapshot?.state }
    /// The user who is signed in, once a sign-in or a refresh of this launch has told.
    public var user: User? { snapshot?.user }
    /// Whether a user is signed in.
    public var isSignedIn: Bool { state == .signedIn }

    @ObservationIgnored private var following: Task<Void, Never>?

    /// Begins to follow a session.
    public init(_ session: Session) {
        self.session = session
        following = Task { [weak self] in
            for await snapshot in session.snapshots() {
                guard let self else { return }
                self.snapshot = snapshot
            }
        }
    }

    deinit { following?.cancel() }
}

/// A session for SwiftUI before iOS 17: the same as `SessionModel`.
@MainActor
public final class ObservableSession: ObservableObject {
    /// The session.
    public let session: Session
    /// What the session is; nil until the store has been read for the first time.
    @Published public private(set) var snapshot: SessionSnapshot?

    private var following: Task<Void, Never>?

    /// Begins to follow a session.
    public init(_ session: Session) {
        self.session = session
        following = Task { [weak self] in
            for await snapshot in session.snapshots() {
                guard let self else { return }
                self.snapshot = snapshot
            }
        }
    }

    deinit { following?.cancel() }
}
#endif
