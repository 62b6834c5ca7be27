// Apple's interfaces as far as the client uses them, for check-apple.sh. Written from Apple's
// documentation. What is behind them here is enough for the checks in AppleChecks: a Keychain in
// memory that asks its user, and sheets that a check answers.
@_exported import Foundation
@_exported import FoundationNetworking

public struct CFString: Hashable, Sendable {
    let name: String
    init(_ name: String) { self.name = name }
}

public typealias CFDictionary = [CFString: Any]
public typealias CFArray = [Any]
public typealias CFData = Data
public typealias CFTypeRef = Any
public typealias CFAllocator = AnyObject
public typealias CFError = AnyObject
public typealias OSStatus = Int32

public let kSecClass = CFString("kSecClass")
public let kSecClassGenericPassword = CFString("kSecClassGenericPassword")
public let kSecAttrService = CFString("kSecAttrService")
public let kSecAttrAccount = CFString("kSecAttrAccount")
public let kSecAttrAccessGroup = CFString("kSecAttrAccessGroup")
public let kSecAttrSynchronizable = CFString("kSecAttrSynchronizable")
public let kSecAttrSynchronizableAny = CFString("kSecAttrSynchronizableAny")
public let kSecAttrAccessible = CFString("kSecAttrAccessible")
public let kSecAttrAccessControl = CFString("kSecAttrAccessControl")
public let kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly = CFString("kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly")
public let kSecAttrAccessibleWhenUnlockedThisDeviceOnly = CFString("kSecAttrAccessibleWhenUnlockedThisDeviceOnly")
public let kSecUseDataProtectionKeychain = CFString("kSecUseDataProtectionKeychain")
public let kSecUseAuthenticationContext = CFString("kSecUseAuthenticationContext")
public let kSecReturnData = CFString("kSecReturnData")
public let kSecValueData = CFString("kSecValueData")

/// The Keychain of a device, and its user.
public enum StubKeychain {
    /// An item: its attributes, and its secret.
    public typealias Item = [CFString: Any]

    nonisolated(unsafe) public static var items: [String: Item] = [:]
    /// What the user does at a prompt: 0, or the status of a prompt that brings nothing.
    nonisolated(unsafe) public static var answer: OSStatus = 0
    /// How often the user was asked.
    nonisolated(unsafe) public static var prompts = 0
    /// The status of every call, where it is not 0.
    nonisolated(unsafe) public static var fails: OSStatus = 0

    public static func erase() { (items, answer, prompts, fails) = ([:], 0, 0, 0) }

    static func key(_ query: CFDictionary) -> String {
        "\(query[kSecAttrService] ?? "") \(query[kSecAttrAccount] ?? "")"
    }
}

public func SecItemCopyMatching(_ query: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    if StubKeychain.fails != 0 { return StubKeychain.fails }
    guard let item = StubKeychain.items[StubKeychain.key(query)] else { return -25300 }
    // Without a place for the secret it is not decrypted, and nobody is asked.
    guard query[kSecReturnData] as? Bool == true, let result else { return 0 }
    if item[kSecAttrAccessControl] != nil {
        StubKeychain.prompts += 1
        if StubKeychain.answer != 0 { return StubKeychain.answer }
    }
    result.pointee = item[kSecValueData]
    return 0
}

public func SecItemAdd(_ attributes: CFDictionary, _ result: UnsafeMutablePointer<CFTypeRef?>?) -> OSStatus {
    if StubKeychain.fails != 0 { return StubKeychain.fails }
    let key = StubKeychain.key(attributes)
    if StubKeychain.items[key] != nil { return -25299 }
    StubKeychain.items[key] = attributes
    return 0
}

public func SecItemUpdate(_ query: CFDictionary, _ attributes: CFDictionary) -> OSStatus {
    if StubKeychain.fails != 0 { return StubKeychain.fails }
    let key = StubKeychain.key(query)
    guard let item = StubKeychain.items[key] else { return -25300 }
    StubKeychain.items[key] = item.merging(attributes) { $1 }
    return 0
}

@discardableResult
public func SecItemDelete(_ query: CFDictionary) -> OSStatus {
    StubKeychain.items.removeValue(forKey: StubKeychain.key(query)) == nil ? -25300 : 0
}

public final class SecAccessControl {
    public let flags: SecAccessControlCreateFlags
    init(_ flags: SecAccessControlCreateFlags) { self.flags = flags }
}

public struct SecAccessControlCreateFlags: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let userPresence = SecAccessControlCreateFlags(rawValue: 1)
    public static let biometryAny = SecAccessControlCreateFlags(rawValue: 2)
    public static let biometryCurrentSet = SecAccessControlCreateFlags(rawValue: 8)
    public static let devicePasscode = SecAccessControlCreateFlags(rawValue: 16)
    public static let or = SecAccessControlCreateFlags(rawValue: 16384)
}

public func SecAccessControlCreateWithFlags(
    _ allocator: CFAllocator?, _ protection: CFTypeRef, _ flags: SecAccessControlCreateFlags, _ error: UnsafeMutablePointer<CFError?>?
) -> SecAccessControl? { SecAccessControl(flags) }

public final class SecTrust: @unchecked Sendable {}
public final class SecCertificate {}

public func SecTrustEvaluateWithError(_ trust: SecTrust, _ error: UnsafeMutablePointer<CFError?>?) -> Bool { false }
public func SecTrustCopyCertificateChain(_ trust: SecTrust) -> CFArray? { nil }
public func SecCertificateCopyData(_ certificate: SecCertificate) -> CFData { Data() }

extension URLProtectionSpace {
    public var serverTrust: SecTrust? { nil }
}

extension URLCredential {
    public convenience init(trust: SecTrust) { self.init(user: "", password: "", persistence: .none) }
}
