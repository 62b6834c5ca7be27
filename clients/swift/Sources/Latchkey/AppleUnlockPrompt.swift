#if canImport(Security) && canImport(LocalAuthentication)
import Foundation
import LocalAuthentication
import Security

/// The system's prompt. It guards an item of the Keychain, not a yes or no: without the person
/// the system does not hand the item out.
public struct SystemUnlockPrompt: UnlockPrompt {
    /// What happens when faces or fingers are enrolled or removed.
    public enum EnrolmentPolicy: Sendable {
        /// The item is lost, and the app has to sign in again.
        case invalidate
        /// Whoever can unlock the device can go on.
        case keep
    }

    private let service: String
    private let reason: String
    private let policy: EnrolmentPolicy

    /// Makes a prompt.
    ///
    /// - Parameters:
    ///   - service: What names the item, such as the app's bundle id.
    ///   - reason: The sentence that the system shows.
    ///   - policy: What happens when faces or fingers are enrolled or removed.
    public init(service: String, reason: String, policy: EnrolmentPolicy = .invalidate) {
        (self.service, self.reason, self.policy) = (service + ".unlock", reason, policy)
    }

    /// Shows the prompt; makes the item at the first time.
    public func show() async throws(SessionError) {
        let status = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async { continuation.resume(returning: read()) }
        }
        try UnlockJudgement.judge(status)
    }

    /// Makes the item anew, after ``SessionError/unlockFailed`` and a sign-in.
    public func reset() throws(SessionError) {
        SecItemDelete(query as CFDictionary)
        try UnlockJudgement.judge(make())
    }

    private var query: [CFString: Any] {
        [kSecClass: kSecClassGenericPassword, kSecAttrService: service, kSecAttrAccount: "unlock", kSecUseDataProtectionKeychain: true]
    }

    private func read() -> Int32 {
        let context = LAContext()
        context.localizedReason = reason
        let reading = query.merging([kSecReturnData: true, kSecUseAuthenticationContext: context]) { $1 } as CFDictionary
        let status = SecItemCopyMatching(reading, nil)
        // Invalidated items and those never made look alike: only a mark tells them apart.
        guard status == KeychainStatus.itemNotFound, mark.copy("made").status == KeychainStatus.itemNotFound else { return status }
        let made = make()
        return made == KeychainStatus.success ? SecItemCopyMatching(reading, nil) : made
    }

    private var mark: AppleKeychain { AppleKeychain(service: service, accessGroup: nil) }

    private func make() -> Int32 {
        let flags: SecAccessControlCreateFlags = policy == .invalidate ? .biometryCurrentSet : .userPresence
        guard let access = SecAccessControlCreateWithFlags(nil, kSecAttrAccessibleWhenUnlockedThisDeviceOnly, flags, nil) else {
            return KeychainStatus.notAvailable
        }
        let secret = Data(TokenRecord.makeKey().utf8)
        let status = SecItemAdd(query.merging([kSecValueData: secret, kSecAttrAccessControl: access]) { $1 } as CFDictionary, nil)
        if status == KeychainStatus.success { _ = mark.add("made", "1") }
        return status
    }
}
#endif
