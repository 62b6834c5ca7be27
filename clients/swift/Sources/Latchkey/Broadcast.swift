import Foundation

/// Hands every change to every stream.
final class Broadcast: @unchecked Sendable {
    private let mutex = NSLock()
    private var changes: [UUID: AsyncStream<SessionChange>.Continuation] = [:]
    private var news: [UUID: AsyncStream<Void>.Continuation] = [:]

    /// The changes from now on.
    func stream() -> AsyncStream<SessionChange> {
        let id = UUID()
        return AsyncStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
            mutex.withLock { changes[id] = continuation }
            continuation.onTermination = { [weak self] _ in self?.drop(id) }
        }
    }

    /// One element for all that has changed since the last one, also of what is known of the user.
    func streamOfNews() -> AsyncStream<Void> {
        let id = UUID()
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            mutex.withLock { news[id] = continuation }
            continuation.onTermination = { [weak self] _ in self?.drop(id) }
        }
    }

    func send(_ change: SessionChange) {
        for listener in mutex.withLock({ Array(changes.values) }) { listener.yield(change) }
        sendNews()
    }

    /// Tells that something is known of the user that was not.
    func sendNews() {
        for listener in mutex.withLock({ Array(news.values) }) { listener.yield() }
    }

    func finish() {
        let (changes, news) = mutex.withLock { (Array(self.changes.values), Array(self.news.values)) }
        for listener in changes { listener.finish() }
        for listener in news { listener.finish() }
    }

    private func drop(_ id: UUID) {
        mutex.withLock { (changes[id], news[id]) = (nil, nil) }
    }
}
