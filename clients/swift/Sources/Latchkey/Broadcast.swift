import Foundation

/// Hands every change to every stream.
final class Broadcast: @unchecked Sendable {
    private let mutex = NSLock()
    private var listeners: [UUID: AsyncStream<SessionChange>.Continuation] = [:]

    func stream() -> AsyncStream<SessionChange> {
        let id = UUID()
        return AsyncStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
            mutex.withLock { listeners[id] = continuation }
            continuation.onTermination = { [weak self] _ in self?.drop(id) }
        }
    }

    func send(_ change: SessionChange) {
        for listener in mutex.withLock({ Array(listeners.values) }) { listener.yield(change) }
    }

    func finish() {
        for listener in mutex.withLock({ Array(listeners.values) }) { listener.finish() }
    }

    private func drop(_ id: UUID) { mutex.withLock { listeners[id] = nil } }
}
