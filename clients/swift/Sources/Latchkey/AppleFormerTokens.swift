#if canImport(Security)
import Foundation
import Security

/// Items of another code's making: by account, and by service where that code gave one.
struct FormerKeychain: Keychain {
    let service: String?
    let accessGroup: String?

    private func query(_ account: String) -> [CFString: Any] {
        var query: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrAccount: account,
            kSecAttrSynchronizable: kSecAttrSynchronizableAny,
        ]
        if let service { query[kSecAttrService] = service }
        if let accessGroup { query[kSecAttrAccessGroup] = accessGroup }
        return query
    }

    func copy(_ account: String) -> (status: Int32, text: String?) {
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query(account).merging([kSecReturnData: true]) { $1 } as CFDictionary, &found)
        return (status, (found as? Data).map { String(decoding: $0, as: UTF8.self) })
    }

    func update(_ account: String, _ text: String) -> Int32 { KeychainStatus.notAvailable }

    func add(_ account: String, _ text: String) -> Int32 { KeychainStatus.notAvailable }

    func delete(_ account: String) -> Int32 { SecItemDelete(query(account) as CFDictionary) }
}

extension Session {
    /// Takes over the tokens that the app kept in the Keychain by itself, and removes those items
    /// once that is done. Call it at each launch, before anything else: without such items it does nothing.
    ///
    /// - Parameters:
    ///   - service: `kSecAttrService` of the items; nil where the app gave none.
    ///   - account: `kSecAttrAccount` of the refresh token.
    ///   - accessAccount: `kSecAttrAccount` of the access token, if the app kept it.
    ///   - accessGroup: The access group of the items, if not the app's own.
    /// - Returns: Whether there were tokens to take over.
    /// - Throws: ``SessionError/signedOut(_:)`` where the server does not accept them: they are removed
    ///   then. After any other error they stay, and the next call goes on.
    @discardableResult
    public func migrate(
        fromService service: String?, account: String = "refresh_token", accessAccount: String? = "access_token",
        accessGroup: String? = nil
    ) async throws(SessionError) -> Bool {
        let keychain = FormerKeychain(service: service, accessGroup: accessGroup)
        return try await migrate(from: FormerTokens(keychain: keychain, refreshAccount: account, accessAccount: accessAccount))
    }

    /// Takes over the session token (`X-Session-Token`) that the app kept in the Keychain, as
    /// ``migrate(fromService:account:accessAccount:accessGroup:)`` does a refresh token.
    ///
    /// - Parameters:
    ///   - service: `kSecAttrService` of the item; nil where the app gave none.
    ///   - account: `kSecAttrAccount` of the session token.
    ///   - accessGroup: The access group of the item, if not the app's own.
    /// - Returns: Whether there was a token to take over.
    /// - Throws: As the other one.
    @discardableResult
    public func migrate(
        fromService service: String?, sessionTokenAccount account: String, accessGroup: String? = nil
    ) async throws(SessionError) -> Bool {
        let keychain = FormerKeychain(service: service, accessGroup: accessGroup)
        return try await migrate(from: FormerTokens(
            keychain: keychain, refreshAccount: account, accessAccount: nil, isSessionToken: true))
    }
}
#endif
