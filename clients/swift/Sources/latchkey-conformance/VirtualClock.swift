import Foundation
import Latchkey

/// A clock that stands still until it is told to go on.
final class VirtualClock: SessionClock, @unchecked Sendable {
    private struct Sleeper {
        let due: TimeInterval
        let continuation: CheckedContinuation<Bool, Never>
    }

    private let mutex = NSLock()
    private let start = Date().timeIntervalSince1970
    private var elapsed: TimeInterval = 0
    private var offset: TimeInterval = 0
    private var sleepers: [UUID: Sleeper] = [:]

    var uptime: TimeInterval { mutex.withLock { elapsed } }
    var wall: TimeInterval { mutex.withLock { start + elapsed + offset } }

    /// Sets the wall clock, so far from the right time.
    func setWall(_ offset: TimeInterval) { mutex.withLock { self.offset = offset } }

    /// Moves on and wakes who is due, in order.
    func advance(_ seconds: TimeInterval) {
        let due = mutex.withLock {
            elapsed += seconds
            let due = sleepers.filter { $0.value.due <= elapsed }.sorted { $0.value.due < $1.value.due }
            for (id, _) in due { sleepers[id] = nil }
            return due.map(\.value)
        }
        for sleeper in due { sleeper.continuation.resume(returning: true) }
    }

    func sleep(for seconds: TimeInterval) async throws {
        let id = UUID()
        let woken = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = mutex.withLock {
                    if Task.isCancelled { return true }
                    sleepers[id] = Sleeper(due: elapsed + seconds, continuation: continuation)
                    return false
                }
                if isOver { continuation.resume(returning: false) }
            }
        } onCancel: {
            mutex.withLock { sleepers.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
        if !woken { throw CancellationError() }
    }
}
