import Foundation
import LatchkeyAPI

/// A user's sign-in on this device.
///
/// It keeps the refresh token in a ``TokenStore`` and the access token in memory, gives every
/// call on ``api`` a living access token, refreshes once for all who wait, and ends only when
/// the server says so in as many words, or the user does. Network trouble, locked devices,
/// lost answers, wrong clocks and killed processes end nothing.
///
/// ```swift
/// let session = try Session(server: server, store: KeychainTokenStore(service: "com.example.app"))
/// if case .signedIn(let user) = try await session.signIn(email: email, password: password) { … }
/// ```
public actor Session {
    enum Known: Sendable {
        case unread
        case nobody(EndReason?)
        case record(TokenRecord)
    }

    let vault: TokenVault
    let options: SessionOptions
    let clock: any SessionClock
    let shared: SharedAccess
    let refreshCall: RefreshCall
    let signOuts: SignOutQueue
    nonisolated let marker: (any InstallMarker)?
    nonisolated let server: WebAddress
    nonisolated let origins: [WebAddress]
    nonisolated let knownDevice: KnownDevice
    nonisolated let transport: any Transport
    nonisolated let requests: any RequestTransport
    nonisolated let broadcast = Broadcast()

    var known = Known.unread
    /// The user, where an answer of this launch has told.
    var user: User?
    /// Grows with every session that is new or over: a refresh from before is void.
    var epoch = 0
    /// How many sign-ins and sign-outs have begun.
    var beginnings = 1
    /// The number of the newest one that goes on.
    var newest = 1
    /// Sign-ins up to this number are over, whatever their answers are.
    var closed = 0
    /// The sign-in that waits for its next step.
    var pending: PendingSignIn?
    /// The record that is over although it could not be removed yet.
    var voidKey: String?
    /// The record that a sign-out is about to remove.
    var leavingKey: String?
    /// The reads of the store that failed since the last good one.
    var failedReads: (count: Int, since: Moment)?
    let refreshing = SharedWork<String>()

    /// Makes a session on a store. Sends nothing but a sign-out that the server was not told of.
    ///
    /// - Parameters:
    ///   - server: The address of the Latchkey server: HTTPS, or HTTP on the loopback interface.
    ///   - store: Where the tokens are.
    ///   - options: Everything else.
    /// - Throws: ``SessionError/network(_:)`` for an address that is not secure, or cannot be the
    ///   address of a server, here or in ``SessionOptions/origins``.
    public init(server: URL, store: any TokenStore, options: SessionOptions = SessionOptions()) throws(SessionError) {
        do {
            let insecure = options.allowsInsecureHTTP
            self.server = try WebAddress(base: server, allowsInsecureHTTP: insecure)
            var origins: [WebAddress] = []
            for url in options.origins { origins.append(try WebAddress(base: url, allowsInsecureHTTP: insecure)) }
            self.origins = origins
            let standard = try URLSessionTransport(server: server, trust: options.pins, allowsInsecureHTTP: insecure)
            transport = options.transport ?? standard
            requests = options.transport as? any RequestTransport ?? standard
        } catch { throw .network(error) }

        self.options = options
        clock = options.clock
        marker = options.installMarker ?? store.installMarker
        knownDevice = KnownDevice(store: store)
        vault = TokenVault(store: store, patience: options.lockPatience)
        shared = SharedAccess.of(store.identity)
        let timeout = Timeout(clock: options.clock, seconds: options.timeout)
        refreshCall = RefreshCall(transport: transport, middlewares: [timeout], clock: options.clock)
        signOuts = SignOutQueue(vault: vault, transport: transport, clock: options.clock)
        let signOuts = signOuts
        let vault = vault
        Task {
            await vault.repair()
            await signOuts.run()
        }
    }

    deinit { broadcast.finish() }

    /// All operations, with the session's credentials. A step of a sign-in whose answer carries
    /// tokens signs the session in.
    ///
    /// An operation that begins a sign-in carries nothing of the session that is there. The session
    /// is replaced when the sign-in is complete, and not before.
    public nonisolated var api: Client { client(nil) }

    /// For what belongs to no session.
    nonisolated var stranger: Client {
        Client(transport: transport, middlewares: [Timeout(clock: clock, seconds: options.timeout)])
    }

    /// For the steps of one sign-in.
    nonisolated func client(_ attempt: SignInAttempt?) -> Client {
        var chain: [any Middleware] = [Authentication(session: self, attempt: attempt)]
        if let name = options.deviceName { chain.append(DeviceName(name)) }
        chain.append(knownDevice)
        chain.append(Timeout(clock: clock, seconds: options.timeout))
        return Client(transport: transport, middlewares: chain)
    }

    /// What happens from now on. Each call makes a stream of its own.
    public nonisolated func changes() -> AsyncStream<SessionChange> { broadcast.stream() }

    /// What the session is, by the store. Sends nothing.
    public func state() -> SessionState {
        do {
            return try load() == nil ? .signedOut(reason) : .signedIn
        } catch {
            switch (known, error) {
            case (.record, _): return .signedIn
            case (.nobody(let reason), _): return .signedOut(reason)
            case (.unread, .locked): return .locked
            case (.unread, .store(let error)): return .unreadable(error)
            case (.unread, _): return .unreadable(.damaged)
            }
        }
    }

    /// The id of the user who is signed in, where the store has been read.
    public var userID: UserID? {
        if case .record(let record) = known { record.userID } else { nil }
    }

    var reason: EndReason? {
        if case .nobody(let reason) = known { reason } else { nil }
    }

    /// What a call says whose session is not there any more.
    var replaced: SessionError {
        if case .record = known { .unavailable(status: nil, code: nil, retryAfter: nil) } else { .signedOut(reason) }
    }
}

extension Session: CustomReflectable {
    /// A mirror without secrets.
    public nonisolated var customMirror: Mirror { Mirror(self, children: ["server": server.description]) }
}
