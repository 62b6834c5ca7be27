/// What the status of a guarded item says about the person in front of the device.
enum UnlockJudgement {
    static func judge(_ status: Int32) throws(SessionError) {
        switch status {
        case KeychainStatus.success: return
        case KeychainStatus.userCanceled, KeychainStatus.authFailed: throw .unlockCancelled
        case KeychainStatus.interactionNotAllowed: throw .locked
        default: throw .unlockFailed
        }
    }
}
