import Foundation

/// The store for phones: items of the Keychain that stay on this device, can be read once it
/// was unlocked after a start, and are shared with the extensions of an access group.
///
/// While a device is locked iOS may say that there is no item where there is one. So "no item"
/// counts only when another item, the probe, can be read or written at that moment.
public struct KeychainTokenStore: TokenStore {
    /// The service and the access group.
    public let identity: String
    private let keychain: any Keychain
    private let locks: any StoreLocks
    private static let probe = "probe"
    /// A file of the app: items outlive an app that is deleted, its files do not.
    public let installMarker: (any InstallMarker)?

    package init(
        identity: String, keychain: any Keychain, locks: any StoreLocks, installMarker: (any InstallMarker)? = nil
    ) {
        (self.identity, self.keychain, self.locks) = (identity, keychain, locks)
        self.installMarker = installMarker
    }

    /// Returns an item's text; nil where the probe confirms that there is none.
    public func read(_ item: StoreItem) throws(StoreError) -> String? {
        let (status, text) = keychain.copy(item.rawValue)
        if status == KeychainStatus.itemNotFound {
            try confirmReadable()
            return nil
        }
        try check(status)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Updates the item, or adds it where there is none. Never deletes first: what is there
    /// stays until it is replaced.
    public func write(_ text: String, to item: StoreItem) throws(StoreError) {
        var status = keychain.update(item.rawValue, text)
        if status == KeychainStatus.itemNotFound { status = keychain.add(item.rawValue, text) }
        if status == KeychainStatus.duplicateItem { status = keychain.update(item.rawValue, text) }
        try check(status)
    }

    /// Removes the item, unless the device is locked.
    public func delete(_ item: StoreItem) throws(StoreError) {
        guard try read(item) != nil else { return }
        let status = keychain.delete(item.rawValue)
        if status != KeychainStatus.itemNotFound { try check(status) }
    }

    /// Takes a lock.
    public func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease? { try locks.tryLock(scope) }

    private func confirmReadable() throws(StoreError) {
        let status = keychain.copy(Self.probe).status
        switch status {
        case KeychainStatus.itemNotFound: break
        case KeychainStatus.success, KeychainStatus.interactionNotAllowed, KeychainStatus.notAvailable: return try check(status)
        // A probe that cannot be read says nothing, and is worth nothing: another one does.
        default: return try check(keychain.update(Self.probe, "1") == KeychainStatus.success ? keychain.copy(Self.probe).status : status)
        }
        let added = keychain.add(Self.probe, "1")
        guard added == KeychainStatus.duplicateItem else { return try check(added) }
        // Somebody has just made it, or it was there and could not be found: locked.
        let again = keychain.copy(Self.probe).status
        try check(again == KeychainStatus.itemNotFound ? KeychainStatus.interactionNotAllowed : again)
    }

    private func check(_ status: Int32) throws(StoreError) {
        switch status {
        case KeychainStatus.success: return
        case KeychainStatus.interactionNotAllowed, KeychainStatus.notAvailable: throw .locked
        default: throw .failed(code: Int(status))
        }
    }
}
