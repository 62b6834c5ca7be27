import Foundation

/// The four calls of the Keychain that a store needs, with the system's own status codes. On
/// Apple's systems ``AppleKeychain``; elsewhere a stand-in that answers as iOS does.
package protocol Keychain: Sendable {
    func copy(_ account: String) -> (status: Int32, text: String?)
    func update(_ account: String, _ text: String) -> Int32
    func add(_ account: String, _ text: String) -> Int32
    func delete(_ account: String) -> Int32
}

/// The locks that go with it, which a Keychain does not have.
package protocol StoreLocks: Sendable {
    func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease?
}

extension FileLock: StoreLocks {}
extension MemoryTokenStore: StoreLocks {}

/// Status codes of `Security/SecBase.h`, by their names there.
package enum KeychainStatus {
    package static let success: Int32 = 0
    package static let itemNotFound: Int32 = -25300
    package static let duplicateItem: Int32 = -25299
    package static let interactionNotAllowed: Int32 = -25308
    package static let missingEntitlement: Int32 = -34018
    package static let userCanceled: Int32 = -128
    package static let authFailed: Int32 = -25293
    package static let notAvailable: Int32 = -25291
}
