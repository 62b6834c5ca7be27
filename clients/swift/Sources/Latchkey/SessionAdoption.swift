import Foundation
import LatchkeyAPI

extension Session {
    /// Takes over tokens that the app has from before, such as those that it kept by itself.
    ///
    /// The refresh token is stored first, with a key of its own, and then spent. A lost answer costs
    /// nothing: the same call, or the next launch, goes on with what is stored. A session that is
    /// there stays until the server has accepted the token, and is ended then. Delete the app's own
    /// copies after this function returns, and after ``SessionError/signedOut(_:)``.
    ///
    /// - Parameters:
    ///   - refreshToken: The refresh token.
    ///   - accessToken: The access token, which serves while no new one can be had.
    ///   - force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Throws: ``SessionError/signedOut(_:)`` with the code of the server where it does not accept
    ///   the token: nothing is left of it. After any other error call it again.
    public func adopt(
        refreshToken: String, accessToken: String? = nil, force: Bool = false
    ) async throws(SessionError) {
        guard !refreshToken.isEmpty else { throw .signedOut(EndReason(code: "refresh_token_invalid")) }
        try await adopt(TokenRecord(adopting: refreshToken), accessToken, force)
    }

    /// Takes over the session token (`X-Session-Token`) of an app that has no refresh token: the server
    /// exchanges it for a pair of the same session, once. All else is as for
    /// ``adopt(refreshToken:accessToken:force:)``.
    ///
    /// - Parameters:
    ///   - sessionToken: The session token, of a sign-in that is complete.
    ///   - force: Whether stored tokens that cannot be read may be replaced at once.
    /// - Throws: ``SessionError/signedOut(_:)`` where the server does not accept it, with its reason or
    ///   `session_token_invalid`.
    public func adopt(sessionToken: String, force: Bool = false) async throws(SessionError) {
        guard TokenRecord.isSessionToken(sessionToken) else {
            throw .signedOut(EndReason(code: RefreshCall.unknownSession))
        }
        try await adopt(TokenRecord(adoptingSession: sessionToken), nil, force)
    }

    private func adopt(_ record: TokenRecord, _ accessToken: String?, _ force: Bool) async throws(SessionError) {
        let attempt = try beginSignIn(force: force)
        closeSignIns() // it stands as soon as it is stored
        let given = accessToken.map { AccessToken($0, askedAt: clock.moment).aged }
        let isThere = try await Task { await stage(record, given, attempt) }.value.get()
        if isThere, let current = shared.current, current.isYoung(clock) { return }

        let started = epoch
        do { _ = try await refreshed(stale: shared.current?.value, isUsers: true) } catch {
            // Another sign-in, or a sign-out, has taken its place.
            throw isThere || epoch == started ? error : .nothingPending
        }
    }

    /// Stores a token that is handed over; says whether it, or another one of its session, was there already.
    private func stage(
        _ adopted: TokenRecord, _ access: AccessToken?, _ attempt: SignInAttempt
    ) async -> Result<Bool, SessionError> {
        do {
            if let record = try? load(), record.follows(adopted.refreshToken) { return .success(true) }
            let written = try await vault.stage(adopted, replacesLost: attempt.replacesLostStore)
            if written.replacedLost { broadcast.send(.signedOut(.storageKeyLost)) }
            epoch += 1
            (voidKey, user, failedReads) = (nil, nil, nil)
            known = .record(written.record)
            shared.begin(with: access)
            try? marker?.note(signedIn: true)
            endOnServer(written.before)
            return .success(false)
        } catch { return .failure(SessionError(error)) }
    }

    /// Removes a token that was handed over and that the server does not accept. The session that
    /// was there before is there again.
    func withdraw(_ record: TokenRecord, _ reason: EndReason) async -> SessionError {
        let started = epoch
        let left: Result<TokenRecord?, StoreError>
        do { left = .success(try await vault.withdraw(record.idempotencyKey)) } catch { left = .failure(error) }
        guard epoch == started else { return .signedOut(reason) }

        shared.begin(with: nil)
        switch left {
        case .success(let before?): known = .record(before)
        case .success(nil): known = .nobody(reason)
        case .failure: (known, voidKey) = (.nobody(reason), record.idempotencyKey)
        }
        if case .nobody = known { try? marker?.note(signedIn: false) }
        return .signedOut(reason)
    }
}
