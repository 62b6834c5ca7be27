import LatchkeyAPI

extension Session {
    /// Shows the second factor by a code, while `mfa_authenticate` is pending: one of an
    /// authenticator app, or a recovery code. Blanks and dashes do not matter.
    ///
    /// - Returns: Who is signed in, or what is still pending.
    /// - Throws: ``SessionError/problem(status:_:)`` with `incorrect_code`;
    ///   ``SessionError/nothingPending`` where no sign-in is under way any more: begin again.
    public func submitSecondFactor(code: String) async throws(SessionError) -> SignInResult {
        try await goOn { try await $0.submitSecondFactor(.init(body: .init(code: code))).step.result(of: "submitSecondFactor") }
    }

    /// Shows a passkey or a security key as the second factor, while `mfa_authenticate` is pending
    /// with `webauthn` among its types.
    ///
    /// - Returns: Who is signed in, or what is still pending.
    /// - Throws: As ``submitSecondFactor(code:)``, and ``SessionError/prompt(_:)`` where the prompt
    ///   brought nothing; the step is still pending then.
    public func submitSecondFactor(with prompt: any PasskeyPrompt) async throws(SessionError) -> SignInResult {
        try await goOn { client in
            switch try await client.getSecondFactorOptions().step.step(of: "getSecondFactorOptions") {
            case .pending(let flows): return .pending(flows) // another step comes first
            case .given(let options):
                let shown = CredentialRequest(credential: try await prompt.assert(options))
                return try await client.submitSecondFactorCredential(.init(body: shown)).step.result(of: "submitSecondFactorCredential")
            }
        }
    }

    /// Proves by the password that it is the person who is signed in, after
    /// ``SessionError/reauthenticate(_:)`` with the flow `reauthenticate`.
    public func reauthenticate(password: String) async throws(SessionError) {
        _ = try await typed { try await api.reauthenticate(.init(body: .init(password: password))).step.value(of: "reauthenticate") }
    }

    /// Proves by a code that it is the person who is signed in, after
    /// ``SessionError/reauthenticate(_:)`` with the flow `mfa_reauthenticate`.
    ///
    /// - Throws: ``SessionError/problem(status:_:)`` with `incorrect_code`.
    public func reauthenticate(code: String) async throws(SessionError) {
        _ = try await typed {
            try await api.reauthenticateBySecondFactor(.init(body: .init(code: code))).step.value(of: "reauthenticateBySecondFactor")
        }
    }

    /// Has a code sent to the verified address or number of the account, after
    /// ``SessionError/reauthenticate(_:)`` with the flow `reauthenticate_by_code`.
    public func sendReauthenticationCode() async throws(SessionError) {
        try await typed { try await api.requestReauthenticationCode().step.value(of: "requestReauthenticationCode") }
    }

    /// Proves by the code of ``sendReauthenticationCode()`` that it is the user who is signed in.
    ///
    /// - Throws: ``SessionError/problem(status:_:)`` with `incorrect_code`.
    public func reauthenticate(sentCode: String) async throws(SessionError) {
        _ = try await typed {
            try await api.confirmReauthenticationCode(.init(body: .init(code: sentCode))).step.value(of: "confirmReauthenticationCode")
        }
    }

    /// Proves by a passkey or a security key that it is the person who is signed in, after
    /// ``SessionError/reauthenticate(_:)`` with `webauthn` among the types.
    ///
    /// - Throws: ``SessionError/prompt(_:)`` where the prompt brought nothing.
    public func reauthenticate(with prompt: any PasskeyPrompt) async throws(SessionError) {
        _ = try await typed {
            let options = try await api.getReauthenticationOptions().step.value(of: "getReauthenticationOptions")
            let shown = CredentialRequest(credential: try await prompt.assert(options))
            return try await api.reauthenticateByCredential(.init(body: shown)).step.value(of: "reauthenticateByCredential")
        }
    }
}
