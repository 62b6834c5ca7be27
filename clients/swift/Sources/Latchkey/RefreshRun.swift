import Foundation

/// A refresh that the system may stop before it suspends the process. A process that is suspended
/// while it holds a lock of a file which it shares with others is ended by iOS (0xdead10cc).
final class RefreshRun: @unchecked Sendable {
    typealias Outcome = Result<String, SessionError>

    private let mutex = NSLock()
    private var task: Task<Outcome, Never>?
    private var lease: StoreLease?
    private var isAborted = false
    private let isDone = DispatchSemaphore(value: 0)

    /// Runs the work, as one that can be stopped.
    func perform(_ work: @escaping @Sendable () async -> Outcome) async -> Outcome {
        let task = start(work)
        return await task.value
    }

    private func start(_ work: @escaping @Sendable () async -> Outcome) -> Task<Outcome, Never> {
        mutex.withLock {
            let task = Task { [isDone] in
                let outcome = await work()
                isDone.signal()
                return outcome
            }
            if isAborted { task.cancel() }
            self.task = task
            return task
        }
    }

    /// Notes the lock that it works under.
    func keep(_ lease: StoreLease) {
        let isLate = mutex.withLock {
            self.lease = lease
            return isAborted
        }
        if isLate { lease.release() }
    }

    /// Stops the work and frees its lock. Returns when that is done: the process may be suspended
    /// then. The tokens are where they were, and the next attempt sends the same key.
    func abort() {
        let (task, lease) = mutex.withLock {
            isAborted = true
            return (self.task, self.lease)
        }
        task?.cancel()
        lease?.release()
        // A change of the store that has begun ends in a moment.
        if task != nil { _ = isDone.wait(timeout: .now() + 1) }
    }
}
