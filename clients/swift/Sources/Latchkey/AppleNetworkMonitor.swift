#if canImport(Network)
import Foundation
import Network

/// Tells a session when the network goes and comes back, so that it does not wait after a tunnel.
/// Keep it as long as the session.
public final class NetworkMonitor: Sendable {
    private let monitor = NWPathMonitor()

    /// Begins to watch.
    public init(_ session: Session) {
        monitor.pathUpdateHandler = { [weak session] path in
            if path.status == .unsatisfied { session?.offline() } else { session?.online() }
        }
        monitor.start(queue: DispatchQueue(label: "latchkey.network"))
    }

    deinit { monitor.cancel() }
}
#endif
