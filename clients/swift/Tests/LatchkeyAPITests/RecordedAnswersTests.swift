import Foundation
import LatchkeyAPI
import XCTest

/// Answers every call with one answer.
private struct Recorded: Transport {
    let status: Int
    let body: Data

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        HTTPResponse(status: status, headers: ["Content-Type": "application/json", "Retry-After": "1"], body: body)
    }
}

/// What the server's own tests have recorded (`clients/testdata`), one file an operation and
/// status, as it comes over the wire.
final class RecordedAnswersTests: XCTestCase {
    private typealias Call = @Sendable (Client) async throws -> Any

    private static let email = EmailRequest(email: "ada@example.com")

    private let calls: [String: Call] = [
        "activateTotp": { try await $0.activateTotp(.init(body: .init(code: "x"))) },
        "addCredential": { try await $0.addCredential(.init(body: .init(credential: .null))) },
        "addEmailAddress": { try await $0.addEmailAddress(.init(body: email)) },
        "changePassword": { try await $0.changePassword(.init(body: .init(newPassword: "x"))) },
        "changePhoneNumber": { try await $0.changePhoneNumber(.init(body: .init(phone: "x"))) },
        "changePrimaryEmailAddress": { try await $0.changePrimaryEmailAddress(.init(body: .init(email: "x", primary: true))) },
        "completePasskeySignup": { try await $0.completePasskeySignup(.init(body: .init(credential: .null))) },
        "completeProviderSignup": { try await $0.completeProviderSignup(.init(body: .init())) },
        "confirmLoginCode": { try await $0.confirmLoginCode(.init(body: .init(code: "x"))) },
        "confirmReauthenticationCode": { try await $0.confirmReauthenticationCode(.init(body: .init(code: "x"))) },
        "createProviderNonce": { try await $0.createProviderNonce(.init()) },
        "deactivateTotp": { try await $0.deactivateTotp() },
        "deleteAccount": { try await $0.deleteAccount() },
        "disconnectProviderAccount": { try await $0.disconnectProviderAccount(.init(body: .init(provider: "x", account: "x"))) },
        "endSession": { try await $0.endSession(.init()) },
        "endSessions": { try await $0.endSessions(.init(body: .init(sessions: [1]))) },
        "exchangeSessionToken": { try await $0.exchangeSessionToken(.init()) },
        "exportAccount": { try await $0.exportAccount() },
        "generateRecoveryCodes": { try await $0.generateRecoveryCodes() },
        "getAccountUndo": { try await $0.getAccountUndo(.init()) },
        "getAppleAppSiteAssociation": { try await $0.getAppleAppSiteAssociation() },
        "getAssetLinks": { try await $0.getAssetLinks() },
        "getChangePasswordPage": { try await $0.getChangePasswordPage() },
        "getConfig": { try await $0.getConfig() },
        "getCreationOptions": { try await $0.getCreationOptions(.init()) },
        "getEmailVerification": { try await $0.getEmailVerification(.init()) },
        "getKeySet": { try await $0.getKeySet() },
        "getPasskeyPages": { try await $0.getPasskeyPages() },
        "getPasskeyLoginOptions": { try await $0.getPasskeyLoginOptions() },
        "getPasskeySignupOptions": { try await $0.getPasskeySignupOptions() },
        "getPasswordReset": { try await $0.getPasswordReset(.init()) },
        "getPhoneNumber": { try await $0.getPhoneNumber() },
        "getProfile": { try await $0.getProfile() },
        "getProviderSignup": { try await $0.getProviderSignup() },
        "getReauthenticationOptions": { try await $0.getReauthenticationOptions() },
        "getRecoveryCodes": { try await $0.getRecoveryCodes() },
        "getSecondFactorOptions": { try await $0.getSecondFactorOptions() },
        "getServerMetadata": { try await $0.getServerMetadata() },
        "getSession": { try await $0.getSession() },
        "getSpecification": { try await $0.getSpecification() },
        "getSpecificationAsAllauth": { try await $0.getSpecificationAsAllauth() },
        "getTotp": { try await $0.getTotp() },
        "listAuthenticators": { try await $0.listAuthenticators() },
        "listEmailAddresses": { try await $0.listEmailAddresses() },
        "listProviderAccounts": { try await $0.listProviderAccounts() },
        "listSessions": { try await $0.listSessions() },
        "login": { try await $0.login(.init(body: .init())) },
        "loginByPasskey": { try await $0.loginByPasskey(.init(body: .init(credential: .null))) },
        "receiveAppleNotification": { try await $0.receiveAppleNotification(.init(body: .init(payload: "x"))) },
        "reauthenticate": { try await $0.reauthenticate(.init(body: .init(password: "x"))) },
        "reauthenticateByCredential": { try await $0.reauthenticateByCredential(.init(body: .init(credential: .null))) },
        "reauthenticateBySecondFactor": { try await $0.reauthenticateBySecondFactor(.init(body: .init(code: "x"))) },
        "rejectEmailVerification": { try await $0.rejectEmailVerification(.init(body: .init(key: "x"))) },
        "refreshToken": { try await $0.refreshToken(.init(body: .init(refresh: "x"))) },
        "refreshTokenPair": { try await $0.refreshTokenPair(.init(body: .init(refreshToken: "x"))) },
        "removeCredentials": { try await $0.removeCredentials(.init(body: .init(authenticators: [1]))) },
        "removeEmailAddress": { try await $0.removeEmailAddress(.init(body: email)) },
        "renameCredential": { try await $0.renameCredential(.init(body: .init(id: 1, name: "x"))) },
        "requestLoginCode": { try await $0.requestLoginCode(.init(body: .init())) },
        "requestPasswordReset": { try await $0.requestPasswordReset(.init(body: email)) },
        "requestReauthenticationCode": { try await $0.requestReauthenticationCode() },
        "resendEmailAddressVerification": { try await $0.resendEmailAddressVerification(.init(body: email)) },
        "resendEmailVerification": { try await $0.resendEmailVerification() },
        "resendLoginCode": { try await $0.resendLoginCode() },
        "resendPhoneVerification": { try await $0.resendPhoneVerification() },
        "resetPassword": { try await $0.resetPassword(.init(body: .init(key: "x", password: "x"))) },
        "signup": { try await $0.signup(.init(body: .init())) },
        "signupByPasskey": { try await $0.signupByPasskey(.init(body: .init())) },
        "submitProviderToken": { try await $0.submitProviderToken(.init(body: .init(provider: "x", process: "login", token: .init()))) },
        "submitSecondFactor": { try await $0.submitSecondFactor(.init(body: .init(code: "x"))) },
        "submitSecondFactorCredential": { try await $0.submitSecondFactorCredential(.init(body: .init(credential: .null))) },
        "undoAccountChanges": { try await $0.undoAccountChanges(.init(body: .init(key: "x"))) },
        "updateProfile": { try await $0.updateProfile(.init(body: .init())) },
        "verifyEmail": { try await $0.verifyEmail(.init(body: .init(key: "x"))) },
        "verifyPhone": { try await $0.verifyPhone(.init(body: .init(code: "x"))) },
    ]

    func testEveryRecordedAnswerIsDecoded() async throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../testdata").standardized
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return } // a copy of the package alone
        let answers = names.filter { $0.hasSuffix(".json") }
        XCTAssertGreaterThan(answers.count, 100)
        for name in answers.sorted() {
            let parts = name.split(separator: ".").map(String.init)
            let body = try Data(contentsOf: folder.appendingPathComponent(name))
            guard let call = calls[parts[0]], let status = Int(parts[1]) else { XCTFail("no call for \(name)"); continue }
            do {
                let output = try await call(Client(transport: Recorded(status: status, body: body)))
                XCTAssertFalse("\(output)".hasPrefix("undocumented"), "\(name) is not documented")
            } catch {
                XCTFail("\(name): \(error)")
            }
        }
    }
}
