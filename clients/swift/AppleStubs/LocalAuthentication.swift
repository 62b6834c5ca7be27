import Foundation

public enum LAPolicy: Int, Sendable {
    case deviceOwnerAuthenticationWithBiometrics = 1
    case deviceOwnerAuthentication = 2
}

/// What the device answers when it is asked whether it can ask: 0 where it can, or a code of `LAError`.
public enum StubDevice {
    nonisolated(unsafe) public static var biometrics = 0
    nonisolated(unsafe) public static var passcode = 0
}

open class LAContext: NSObject {
    open var localizedReason = ""
    open func canEvaluatePolicy(_ policy: LAPolicy, error: UnsafeMutablePointer<NSError?>?) -> Bool {
        let code = policy == .deviceOwnerAuthentication ? StubDevice.passcode : StubDevice.biometrics
        if code != 0 { error?.pointee = NSError(domain: "com.apple.LocalAuthentication", code: code) }
        return code == 0
    }
}
