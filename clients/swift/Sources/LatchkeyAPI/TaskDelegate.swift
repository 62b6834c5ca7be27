import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Collects the answers of a session's tasks. A delegate rather than completion handlers:
/// only a delegate can refuse redirects and certificates.
final class TaskDelegate: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    typealias Continuation = CheckedContinuation<(Data, HTTPURLResponse), any Error>

    private struct Exchange {
        let continuation: Continuation
        var response: HTTPURLResponse?
        var body = Data()
        var failure: TransportError?
        var isChallenged = false
    }

    private static let largest = 16 << 20

    let trust: (any ServerTrustPolicy)?
    private let lock = NSLock()
    private var exchanges: [Int: Exchange] = [:]
    /// Tasks that completed before their continuation was there: they were cancelled before they began.
    private var completed: [Int: any Error] = [:]

    init(trust: (any ServerTrustPolicy)?) { self.trust = trust }

    func expect(_ task: URLSessionTask, _ continuation: Continuation) {
        let failure: (any Error)? = lock.withLock {
            if let failure = completed.removeValue(forKey: task.taskIdentifier) { return failure }
            exchanges[task.taskIdentifier] = Exchange(continuation: continuation)
            return nil
        }
        if let failure { continuation.resume(throwing: failure) }
    }

    /// Remembers why a task is about to be cancelled, which URLSession reports as a mere
    /// cancellation.
    func fail(_ task: URLSessionTask, _ error: TransportError) {
        lock.withLock { exchanges[task.taskIdentifier]?.failure = error }
    }

    func urlSession(
        _: URLSession, task _: URLSessionTask, willPerformHTTPRedirection _: HTTPURLResponse,
        newRequest _: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    #if !canImport(Security)
    // swift-corelibs-foundation asks after the whole answer has come, and then waits for ever, or
    // takes a refusal for a cancellation of the task.
    func urlSession(
        _: URLSession, task: URLSessionTask, didReceive _: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        lock.withLock { exchanges[task.taskIdentifier]?.isChallenged = true }
        completionHandler(.cancelAuthenticationChallenge, nil)
    }
    #endif

    func urlSession(
        _: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        lock.withLock { exchanges[dataTask.taskIdentifier]?.response = response as? HTTPURLResponse }
        completionHandler(.allow)
    }

    func urlSession(_: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let tooMuch = lock.withLock {
            exchanges[dataTask.taskIdentifier]?.body.append(data)
            return exchanges[dataTask.taskIdentifier].map { $0.body.count > Self.largest } ?? false
        }
        if tooMuch {
            fail(dataTask, .badAnswer)
            dataTask.cancel()
        }
    }

    func urlSession(_: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        let found: Exchange? = lock.withLock {
            if let exchange = exchanges.removeValue(forKey: task.taskIdentifier) { return exchange }
            completed[task.taskIdentifier] = error.map { Self.translate($0) } ?? CancellationError()
            return nil
        }
        guard let exchange = found else { return }

        if let failure = exchange.failure {
            exchange.continuation.resume(throwing: failure)
        } else if exchange.isChallenged, let response = exchange.response {
            exchange.continuation.resume(returning: (exchange.body, response))
        } else if let error {
            exchange.continuation.resume(throwing: Self.translate(error))
        } else if let response = exchange.response ?? task.response as? HTTPURLResponse {
            exchange.continuation.resume(returning: (exchange.body, response))
        } else {
            exchange.continuation.resume(throwing: TransportError.badAnswer)
        }
    }

    private static func translate(_ error: any Error) -> any Error {
        switch (error as? URLError)?.code {
        case .cancelled: CancellationError()
        case .timedOut: TransportError.timedOut
        default: TransportError.network(code: (error as NSError).code)
        }
    }
}
