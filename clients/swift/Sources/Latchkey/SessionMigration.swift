import Foundation
import LatchkeyAPI

/// Where an app kept its tokens before: items of the Keychain by their accounts.
package struct FormerTokens: Sendable {
    package let keychain: any Keychain
    package let refreshAccount: String
    package let accessAccount: String?
    /// Whether the first one is a session token.
    package let isSessionToken: Bool

    package init(keychain: any Keychain, refreshAccount: String, accessAccount: String?, isSessionToken: Bool = false) {
        (self.keychain, self.refreshAccount, self.accessAccount) = (keychain, refreshAccount, accessAccount)
        self.isSessionToken = isSessionToken
    }

    /// The text of an item; nil where there is none.
    func read(_ account: String) throws(SessionError) -> String? {
        let (status, text) = keychain.copy(account)
        switch status {
        case KeychainStatus.success: return text.flatMap { $0.isEmpty ? nil : $0 }
        case KeychainStatus.itemNotFound: return nil
        case KeychainStatus.interactionNotAllowed, KeychainStatus.notAvailable: throw .locked
        default: throw .store(.failed(code: Int(status)))
        }
    }

    /// Removes the items. What stays because of an error is looked at again at the next launch.
    func delete() {
        for account in [refreshAccount, accessAccount].compactMap({ $0 }) { _ = keychain.delete(account) }
    }
}

extension Session {
    /// Takes over the tokens that an app kept by itself, and removes them once that is done. Without
    /// such tokens it does nothing: call it at each launch.
    ///
    /// - Returns: Whether there were tokens to take over.
    /// - Throws: As ``adopt(refreshToken:accessToken:force:)``.
    package func migrate(from former: FormerTokens) async throws(SessionError) -> Bool {
        guard let token = try former.read(former.refreshAccount) else { return false }
        let adopted = former.isSessionToken ? TokenRecord(adoptingSession: token) : TokenRecord(adopting: token)
        // A sign-in of since then is newer than what was left there.
        if let record = try load(), !record.follows(token) {
            former.delete()
            await signOuts.add(adopted, access: nil)
            await signOuts.tryNow()
            return false
        }

        var access: String?
        if let account = former.accessAccount { access = try former.read(account) }
        do {
            if former.isSessionToken { try await adopt(sessionToken: token) } else {
                try await adopt(refreshToken: token, accessToken: access)
            }
        } catch {
            if case .signedOut = error { former.delete() }
            throw error
        }
        former.delete()
        return true
    }
}
