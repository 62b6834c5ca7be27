#if canImport(Security)
import Foundation
import Security

extension TaskDelegate {
    @objc(URLSession:task:didReceiveChallenge:completionHandler:)
    func urlSession(
        _: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        guard let pins = self.trust, let presented = challenge.protectionSpace.serverTrust else {
            return completionHandler(.performDefaultHandling, nil)
        }
        // The system's own checks come first, and the chain is the one that they built.
        guard SecTrustEvaluateWithError(presented, nil),
              let chain = SecTrustCopyCertificateChain(presented) as? [SecCertificate],
              pins.accepts(host: challenge.protectionSpace.host, certificates: chain.map { SecCertificateCopyData($0) as Data })
        else {
            fail(task, .untrustedServer)
            return completionHandler(.cancelAuthenticationChallenge, nil)
        }
        completionHandler(.useCredential, URLCredential(trust: presented))
    }
}
#endif
