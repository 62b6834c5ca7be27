#if canImport(Security) && canImport(LocalAuthentication) && (os(iOS) || os(macOS) || os(visionOS))
import Foundation
import LocalAuthentication
import Security

/// The system's prompt. It guards an item of the Keychain, not a yes or no: without the user
/// the system does not hand the item out.
public struct SystemUnlockPrompt: UnlockPrompt {
    /// What happens when faces or fingers are enrolled or removed.
    public enum EnrolmentPolicy: Sendable {
        /// The item is lost, and the app has to sign in again.
        case invalidate
        /// Every face and finger that is enrolled later can go on.
        case keep
    }

    private let service: String
    private let reason: String
    private let policy: EnrolmentPolicy
    private let allowsPasscode: Bool

    /// Makes a prompt. The app needs `NSFaceIDUsageDescription` in its Info.plist.
    ///
    /// - Parameters:
    ///   - service: What names the item, such as the app's bundle id.
    ///   - reason: The sentence that the system shows.
    ///   - policy: What happens when faces or fingers are enrolled or removed.
    ///   - allowsPasscode: Whether the device's code will do in place of a face or a finger.
    public init(service: String, reason: String, policy: EnrolmentPolicy = .invalidate, allowsPasscode: Bool = false) {
        (self.service, self.reason) = (service + ".unlock", reason)
        (self.policy, self.allowsPasscode) = (policy, allowsPasscode)
    }

    /// Shows the prompt; makes the item at the first time.
    public func show() async throws(SessionError) {
        if let unavailable = unavailable() { throw .unlockUnavailable(unavailable) }
        let status = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async { continuation.resume(returning: read()) }
        }
        try UnlockJudgement.judge(status, after: unavailable())
    }

    /// Makes the item anew, after ``SessionError/unlockFailed`` and a sign-in.
    public func reset() throws(SessionError) {
        SecItemDelete(query as CFDictionary)
        try UnlockJudgement.judge(make())
    }

    /// Why the device cannot ask; nil where it can.
    private func unavailable() -> UnlockUnavailable? {
        let wanted: LAPolicy = allowsPasscode ? .deviceOwnerAuthentication : .deviceOwnerAuthenticationWithBiometrics
        var error: NSError?
        guard !LAContext().canEvaluatePolicy(wanted, error: &error), let error else { return nil }
        return UnlockJudgement.reason(error.code)
    }

    private var query: [CFString: Any] {
        [kSecClass: kSecClassGenericPassword, kSecAttrService: service, kSecAttrAccount: "unlock", kSecUseDataProtectionKeychain: true]
    }

    private func read() -> Int32 {
        let status = copy()
        // Invalidated items and those never made look alike: only a mark tells them apart.
        guard status == KeychainStatus.itemNotFound, mark.copy("made").status == KeychainStatus.itemNotFound else { return status }
        let made = make()
        return made == KeychainStatus.success ? copy() : made
    }

    /// Reads the item. The secret itself has to come: only then the system has asked the user.
    private func copy() -> Int32 {
        let context = LAContext()
        context.localizedReason = reason
        var found: CFTypeRef?
        let reading = query.merging([kSecReturnData: true, kSecUseAuthenticationContext: context]) { $1 } as CFDictionary
        let status = SecItemCopyMatching(reading, &found)
        guard status == KeychainStatus.success else { return status }
        return (found as? Data)?.isEmpty == false ? status : KeychainStatus.authFailed
    }

    private var mark: AppleKeychain { AppleKeychain(service: service, accessGroup: nil) }

    private var flags: SecAccessControlCreateFlags {
        switch (policy, allowsPasscode) {
        case (.invalidate, false): .biometryCurrentSet
        case (.invalidate, true): [.biometryCurrentSet, .or, .devicePasscode]
        case (.keep, false): .biometryAny
        case (.keep, true): .userPresence
        }
    }

    private func make() -> Int32 {
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
