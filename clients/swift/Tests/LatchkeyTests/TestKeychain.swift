import Foundation
import Latchkey

/// A Keychain in memory that answers as iOS does, its error codes included.
final class TestKeychain: Keychain, @unchecked Sendable {
    enum Condition { case unlocked, hidingProbe, locked, lockedSayingNotFound, unentitled, rejectingWrites, tearing }

    private let mutex = NSLock()
    private var items: [String: String] = [:]
    private var state = Condition.unlocked
    private var readsToFail = 0
    private var lost: Set<String> = []
    private(set) var calls: [String] = []

    var condition: Condition {
        get { mutex.withLock { state } }
        set { mutex.withLock { state = newValue } }
    }

    var contents: [String: String] {
        get { mutex.withLock { items } }
        set { mutex.withLock { items = newValue } }
    }

    func failReads(_ count: Int) { mutex.withLock { readsToFail = count } }
    /// What is stored now can never be read again.
    func loseKeys() { mutex.withLock { lost = Set(items.keys) } }
    func called(_ call: String) -> Int { mutex.withLock { calls.filter { $0.hasPrefix(call) }.count } }

    func copy(_ account: String) -> (status: Int32, text: String?) {
        mutex.withLock {
            calls.append("copy " + account)
            if readsToFail > 0 {
                readsToFail -= 1
                return (-36, nil)
            }
            if lost.contains(account), items[account] != nil { return (-26275, nil) }
            switch state {
            case .locked: return (KeychainStatus.interactionNotAllowed, nil)
            case .lockedSayingNotFound: return (KeychainStatus.itemNotFound, nil)
            case .unentitled: return (KeychainStatus.missingEntitlement, nil)
            case .hidingProbe:
                state = .unlocked
                if account == "slot-0" { state = .hidingProbe }
                return (KeychainStatus.itemNotFound, nil)
            default: return items[account].map { (KeychainStatus.success, $0) } ?? (KeychainStatus.itemNotFound, nil)
            }
        }
    }

    func update(_ account: String, _ text: String) -> Int32 {
        change("update " + account) { items[account] == nil ? KeychainStatus.itemNotFound : put(account, text) }
    }

    func add(_ account: String, _ text: String) -> Int32 {
        change("add " + account) { items[account] != nil ? KeychainStatus.duplicateItem : put(account, text) }
    }

    func delete(_ account: String) -> Int32 {
        change("delete " + account) { items.removeValue(forKey: account) == nil ? KeychainStatus.itemNotFound : KeychainStatus.success }
    }

    private func put(_ account: String, _ text: String) -> Int32 {
        lost.remove(account)
        items[account] = state == .tearing ? String(text.prefix(text.count / 2)) : text
        return KeychainStatus.success
    }

    private func change(_ call: String, _ body: () -> Int32) -> Int32 {
        mutex.withLock {
            calls.append(call)
            switch state {
            case .locked, .lockedSayingNotFound: return KeychainStatus.interactionNotAllowed
            case .unentitled: return KeychainStatus.missingEntitlement
            case .rejectingWrites: return -61
            case .unlocked, .hidingProbe, .tearing: return body()
            }
        }
    }

    /// The store over it, with locks of this process.
    func store(_ identity: String = UUID().uuidString) -> KeychainTokenStore {
        KeychainTokenStore(identity: identity, keychain: self, locks: MemoryTokenStore())
    }
}
