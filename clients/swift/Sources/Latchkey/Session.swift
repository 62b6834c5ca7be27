import Foundation
import LatchkeyAPI

/// A person's sign-in on this device.
///
/// It keeps the refresh token in a ``TokenStore`` and the access token in memory, gives every
/// call on ``api`` a living access token, refreshes once for all who wait, and ends only when
/// the server says so in as many words, or the person does. Network trouble, locked devices,
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
    nonisolated let server: URL
    nonisolated let knownDevice: KnownDevice
    nonisolated let transport: any Transport
    nonisolated let broadcast = Broadcast()

    var known = Known.unread
    /// Grows with every sign-in and sign-out: what was under way before one is void after it.
    var epoch = 0
    /// Of a sign-in that is under way.
    var sessionToken: String?
    /// The record that is over although it could not be removed yet.
    var voidKey: String?
    let refreshing = SharedWork<String>()

    /// Makes a session on a store. Sends nothing but a sign-out that the server was not told of.
    ///
    /// - Parameters:
    ///   - server: The address of the Latchkey server: HTTPS, or HTTP on the loopback interface.
    ///   - store: Where the tokens are.
    ///   - options: Everything else.
    /// - Throws: ``SessionError/network(_:)`` for an address that is not secure.
    public init(server: URL, store: any TokenStore, options: SessionOptions = SessionOptions()) throws(SessionError) {
        self.server = server
        self.options = options
        clock = options.clock
        knownDevice = KnownDevice(store: store)
        vault = TokenVault(store: store, patience: options.lockPatience)
        shared = SharedAccess.of(store.identity)
        if let given = options.transport { transport = given } else {
            do { transport = try URLSessionTransport(server: server, trust: options.pins) } catch { throw .network(error) }
        }
        let anonymous = Client(transport: transport, middlewares: [Timeout(clock: options.clock, seconds: options.timeout)])
        refreshCall = RefreshCall(client: anonymous, clock: options.clock)
        signOuts = SignOutQueue(vault: vault, transport: transport, clock: options.clock)
        let signOuts = signOuts
        Task { await signOuts.run() }
    }

    deinit { broadcast.finish() }

    /// All operations, with the session's credentials. A step of a sign-in whose answer carries
    /// tokens signs the session in.
    public nonisolated var api: Client { client(Authentication(session: self)) }

    /// For a step that would cost the session which is there: somebody who is signed in is refused
    /// here, and nothing is sent.
    nonisolated var entrance: Client { client(Authentication(session: self, refusesSignedIn: true)) }

    /// For what belongs to no session.
    nonisolated var stranger: Client {
        Client(transport: transport, middlewares: [Timeout(clock: clock, seconds: options.timeout)])
    }

    private nonisolated func client(_ authentication: Authentication) -> Client {
        var chain: [any Middleware] = [authentication]
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

    /// Reads the store, and takes notice of what other processes did to it.
    @discardableResult
    func load() throws(SessionError) -> TokenRecord? {
        var record: TokenRecord?
        do { record = try vault.load() } catch { throw SessionError(error) }
        if let voidKey, record?.idempotencyKey == voidKey {
            try? vault.discard(voidKey)
            record = nil
        }
        if case .unread = known { return meet(record) }
        switch (known, record) {
        case (.record, nil): end(nil)
        case (.nobody, let record?):
            known = .record(record)
            broadcast.send(.signedIn)
        case (_, let record?): known = .record(record)
        case (_, nil): break
        }
        return record
    }

    /// Takes notice of the end of the session. Called once for each end.
    func end(_ reason: EndReason?) {
        epoch += 1
        known = .nobody(reason)
        if reason?.code == "account_deleted" { knownDevice.forget() }
        shared.current = nil
        shared.withBackoff { $0.reset() }
        try? options.installMarker?.note(signedIn: false)
        broadcast.send(.signedOut(reason))
    }

    /// The first look at the store since launch.
    private func meet(_ record: TokenRecord?) -> TokenRecord? {
        known = record.map { .record($0) } ?? .nobody(nil)
        guard let marker = options.installMarker, let before = try? marker.wasSignedIn().map({ Optional($0) }) ?? .some(nil) else { return record }
        if before == nil, options.reinstallPolicy == .clear { knownDevice.forget() } // it is of an installation before
        switch (before, record) {
        case (nil, let record?) where options.reinstallPolicy == .clear:
            // The marker first: without it the next launch would clear the next session too.
            guard (try? marker.note(signedIn: false)) != nil else { return record }
            voidKey = record.idempotencyKey
            end(.reinstalled)
            let vault = vault
            Task { _ = try? await vault.remove(record.idempotencyKey, queue: true); await signOuts.run() }
            return nil
        case (true, nil): end(.restored)
        default: try? marker.note(signedIn: record != nil)
        }
        return record
    }
}
