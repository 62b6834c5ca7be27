/// A value that carries passwords or tokens. What is printed, dumped or logged of it is its type.
public protocol CarriesSecrets: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension CarriesSecrets {
    /// The type.
    public var description: String { "\(Self.self)(…)" }

    /// The type.
    public var debugDescription: String { description }

    /// A mirror without members.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension AccountUndoRequest: CarriesSecrets {}
extension AccountUndoneMeta: CarriesSecrets {}
extension AuthenticatedMeta: CarriesSecrets {}
extension ChangePasswordRequest: CarriesSecrets {}
extension CodeRequest: CarriesSecrets {}
extension LoginRequest: CarriesSecrets {}
extension NewSessionMeta: CarriesSecrets {}
extension ProviderNonce: CarriesSecrets {}
extension ProviderToken: CarriesSecrets {}
extension ReauthenticateRequest: CarriesSecrets {}
extension RecoveryCodes: CarriesSecrets {}
extension RefreshTokenPairRequest: CarriesSecrets {}
extension RefreshTokenRequest: CarriesSecrets {}
extension ResetPasswordRequest: CarriesSecrets {}
extension SignOutRequest: CarriesSecrets {}
extension SignupRequest: CarriesSecrets {}
extension TokenPair: CarriesSecrets {}
extension TotpSetup: CarriesSecrets {}
extension UnauthenticatedMeta: CarriesSecrets {}
extension VerifyEmailRequest: CarriesSecrets {}
