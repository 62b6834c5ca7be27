/// What the status of a guarded item, and of the system's check before it, says about the user in
/// front of the device.
enum UnlockJudgement {
    static func judge(_ status: Int32) throws(SessionError) {
        switch status {
        case KeychainStatus.success: return
        case KeychainStatus.userCanceled, KeychainStatus.authFailed: throw .unlockCancelled
        case KeychainStatus.interactionNotAllowed: throw .locked
        default: throw .unlockFailed
        }
    }

    /// Why the device cannot ask, by the codes of `LAError`; nil for errors that say nothing about that.
    static func reason(_ code: Int) -> UnlockUnavailable? {
        switch code {
        case -5: .noPasscode
        case -6: .unavailable
        case -7: .notEnrolled
        case -8: .lockedOut
        default: nil
        }
    }

    /// What a prompt brought, and what the system says afterwards about another one: five wrong faces
    /// look like a dismissal.
    static func judge(_ status: Int32, after unavailable: UnlockUnavailable?) throws(SessionError) {
        if status == KeychainStatus.authFailed, let unavailable { throw .unlockUnavailable(unavailable) }
        try judge(status)
    }
}
