import Foundation
import Latchkey

/// A clock that a test moves. Whoever sleeps is woken by ``advance(_:)`` only.
final class TestClock: SessionClock, @unchecked Sendable {
    private let mutex = NSLock()
    private var elapsed: TimeInterval = 1000
    private var offset: TimeInterval = 0
    private var sleepers: [UUID: (due: TimeInterval, wake: CheckedContinuation<Bool, Never>)] = [:]

    var uptime: TimeInterval { mutex.withLock { elapsed } }
    var wall: TimeInterval { mutex.withLock { 1_800_000_000 + elapsed + offset } }

    /// Sets the wall clock, so far from the right time.
    func setWall(_ offset: TimeInterval) { mutex.withLock { self.offset = offset } }

    func advance(_ seconds: TimeInterval) {
        let due = mutex.withLock {
            elapsed += seconds
            let due = sleepers.filter { $0.value.due <= elapsed }
            for id in due.keys { sleepers[id] = nil }
            return due.values.map(\.wake)
        }
        for wake in due { wake.resume(returning: true) }
    }

    /// Whether somebody sleeps.
    var isAwaited: Bool { mutex.withLock { !sleepers.isEmpty } }

    func sleep(for seconds: TimeInterval) async throws {
        let id = UUID()
        let woken = await withTaskCancellationHandler {
            await withCheckedContinuation { wake in
                let isOver = mutex.withLock {
                    if Task.isCancelled { return true }
                    sleepers[id] = (elapsed + seconds, wake)
                    return false
                }
                if isOver { wake.resume(returning: false) }
            }
        } onCancel: {
            mutex.withLock { sleepers.removeValue(forKey: id)?.wake }?.resume(returning: false)
        }
        if !woken { throw CancellationError() }
    }
}
