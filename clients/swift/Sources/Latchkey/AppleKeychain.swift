#if canImport(Security)
import Foundation
import Security

/// The Keychain of Apple's systems: items of one service, readable once the device was unlocked
/// after a start, never in a backup of another device, never synchronised.
struct AppleKeychain: Keychain {
    let service: String
    let accessGroup: String?

    private func query(_ account: String) -> [CFString: Any] {
        var query: [CFString: Any] = [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrAccount: account,
            kSecAttrSynchronizable: false,
            kSecUseDataProtectionKeychain: true,
        ]
        if let accessGroup { query[kSecAttrAccessGroup] = accessGroup }
        return query
    }

    func copy(_ account: String) -> (status: Int32, text: String?) {
        var found: CFTypeRef?
        let status = SecItemCopyMatching(query(account).merging([kSecReturnData: true]) { $1 } as CFDictionary, &found)
        return (status, (found as? Data).map { String(decoding: $0, as: UTF8.self) })
    }

    func update(_ account: String, _ text: String) -> Int32 {
        SecItemUpdate(query(account) as CFDictionary, [kSecValueData: Data(text.utf8)] as CFDictionary)
    }

    func add(_ account: String, _ text: String) -> Int32 {
        let attributes: [CFString: Any] = [
            kSecValueData: Data(text.utf8),
            kSecAttrAccessible: kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
        ]
        return SecItemAdd(query(account).merging(attributes) { $1 } as CFDictionary, nil)
    }

    func delete(_ account: String) -> Int32 { SecItemDelete(query(account) as CFDictionary) }
}

extension KeychainTokenStore {
    /// What an app shares with its extensions.
    public struct Group: Hashable, Sendable {
        /// The Keychain access group, with the team's prefix.
        public let keychain: String
        /// A directory of the app group, for the locks.
        public let directory: URL

        /// Makes a group.
        public init(keychain: String, directory: URL) { (self.keychain, self.directory) = (keychain, directory) }
    }

    /// Makes the store of an app, or of an app and its extensions.
    ///
    /// - Parameters:
    ///   - service: What names the items, such as the app's bundle id.
    ///   - group: What is shared with extensions; without it, nothing is.
    public init(service: String, group: Group? = nil) {
        let identity = "keychain:" + service + ":" + (group?.keychain ?? "")
        let files = FileManager.default
        let support = files.urls(for: .applicationSupportDirectory, in: .userDomainMask).first ?? files.temporaryDirectory
        let marker = FileInstallMarker(directory: group?.directory ?? support.appendingPathComponent(service))
        self.init(
            identity: identity, keychain: AppleKeychain(service: service, accessGroup: group?.keychain),
            locks: FileLock(directory: group?.directory ?? files.temporaryDirectory), installMarker: marker)
    }
}
#endif
