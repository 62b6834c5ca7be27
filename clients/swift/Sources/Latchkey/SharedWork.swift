import Foundation

/// One piece of work at a time, that all who come meanwhile wait for. It is nobody's own: who is
/// cancelled leaves at once, and the work goes on.
actor SharedWork<Value: Sendable> {
    typealias Outcome = Result<Value, SessionError>

    private var isRunning = false
    /// How many pieces were started, and the outcome of the last.
    private var started = 0
    private var last: (number: Int, outcome: Outcome)?
    private var waiting: [UUID: CheckedContinuation<Outcome, Never>] = [:]

    /// Joins the work that is under way, or starts this.
    func join(_ work: @escaping @Sendable () async -> Outcome) async throws(SessionError) -> Value {
        if !isRunning {
            isRunning = true
            started += 1
            Task { finish(await work()) }
        }
        let (id, number) = (UUID(), started)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
                if Task.isCancelled {
                    continuation.resume(returning: .failure(.cancelled))
                } else if let last, last.number >= number {
                    continuation.resume(returning: last.outcome) // it was done meanwhile
                } else {
                    waiting[id] = continuation
                }
            }
        } onCancel: {
            Task { await leave(id) }
        }
        return try outcome.get()
    }

    private func leave(_ id: UUID) { waiting.removeValue(forKey: id)?.resume(returning: .failure(.cancelled)) }

    private func finish(_ outcome: Outcome) {
        isRunning = false
        last = (started, outcome)
        for continuation in waiting.values { continuation.resume(returning: outcome) }
        waiting = [:]
    }
}
