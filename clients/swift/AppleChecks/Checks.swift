// Runs the files that only Apple's SDK compiles, on Linux, against the stubs of AppleStubs: what
// they ask of the system, and what they make of its answers. check-apple.sh builds and runs it.
import AuthenticationServices
import Foundation
import LatchkeyAPI
import Latchkey
import LocalAuthentication
import Security

@MainActor
enum Checks {
    static var failures = 0

    static func equal<Value: Equatable>(_ got: Value, _ want: Value, _ what: String, line: UInt = #line) {
        if got == want { return }
        failures += 1
        print("AppleChecks, line \(line): \(what): \(got), not \(want)")
    }
}

@MainActor
func outcome(_ work: () async throws(SessionError) -> Void) async -> SessionError? {
    do { try await work() } catch { return error }
    return nil
}

@MainActor
func promptOutcome(_ work: () async throws(PromptError) -> Credential) async -> PromptError? {
    do { _ = try await work() } catch { return error }
    return nil
}

// MARK: the unlock prompt

@MainActor
func unlockAsksTheUser() async {
    for policy in [SystemUnlockPrompt.EnrolmentPolicy.invalidate, .keep] {
        for allowsPasscode in [false, true] {
            StubKeychain.erase()
            let prompt = SystemUnlockPrompt(service: "app", reason: "Unlock", policy: policy, allowsPasscode: allowsPasscode)
            Checks.equal(await outcome { () async throws(SessionError) in try await prompt.show() }, nil, "the first prompt")
            Checks.equal(StubKeychain.prompts, 1, "the user is asked at the first time")
            Checks.equal(await outcome { () async throws(SessionError) in try await prompt.show() }, nil, "the second prompt")
            Checks.equal(StubKeychain.prompts, 2, "and at the second")

            let access = StubKeychain.items["app.unlock unlock"]?[kSecAttrAccessControl] as? SecAccessControl
            let passcode = SecAccessControlCreateFlags.devicePasscode
            let takesPasscode = access?.flags.contains(passcode) == true || access?.flags == .userPresence
            Checks.equal(takesPasscode, allowsPasscode, "the device's code opens it")
            let isCurrent = access?.flags.contains(.biometryCurrentSet) == true
            Checks.equal(isCurrent, policy == .invalidate, "new faces lose it")
        }
    }
}

@MainActor
func unlockIsRefused() async {
    let prompt = SystemUnlockPrompt(service: "app", reason: "Unlock")
    StubKeychain.erase()
    _ = await outcome { () async throws(SessionError) in try await prompt.show() }

    let statuses: [(OSStatus, SessionError)] = [(-128, .unlockCancelled), (-25293, .unlockCancelled), (-25308, .locked), (-50, .unlockFailed)]
    for (status, error) in statuses {
        StubKeychain.answer = status
        Checks.equal(await outcome { () async throws(SessionError) in try await prompt.show() }, error, "status \(status)")
    }

    // An item that new faces have lost: only the mark of it is there.
    StubKeychain.answer = 0
    StubKeychain.items["app.unlock unlock"] = nil
    Checks.equal(await outcome { () async throws(SessionError) in try await prompt.show() }, .unlockFailed, "an item that is lost")
    Checks.equal(await outcome { () async throws(SessionError) in try prompt.reset() }, nil, "making it anew")
    Checks.equal(await outcome { () async throws(SessionError) in try await prompt.show() }, nil, "after that")
}

@MainActor
func unlockIsUnavailable() async {
    let reasons: [(Int, UnlockUnavailable)] = [(-5, .noPasscode), (-6, .unavailable), (-7, .notEnrolled), (-8, .lockedOut)]
    for (code, reason) in reasons {
        StubKeychain.erase()
        StubDevice.biometrics = code
        let prompt = SystemUnlockPrompt(service: "app", reason: "Unlock")
        let refused = await outcome { () async throws(SessionError) in try await prompt.show() }
        Checks.equal(refused, .unlockUnavailable(reason), "LAError \(code)")
        Checks.equal(StubKeychain.prompts, 0, "nobody is asked")

        let byCode = SystemUnlockPrompt(service: "app", reason: "Unlock", allowsPasscode: true)
        Checks.equal(await outcome { () async throws(SessionError) in try await byCode.show() }, nil, "with the device's code")
    }
    StubDevice.biometrics = 0
}

// MARK: the Keychain

@MainActor
func keychainKeepsItems() throws {
    StubKeychain.erase()
    let store = KeychainTokenStore(service: "app", group: .init(keychain: "TEAM.group", directory: FileManager.default.temporaryDirectory))
    Checks.equal(try store.read(.slot0), nil, "an empty store")
    try store.write("one", to: .slot0)
    try store.write("two", to: .slot0)
    Checks.equal(try store.read(.slot0), "two", "what was written")
    let item = StubKeychain.items["app slot-0"]
    let isOurs = item?[kSecAttrAccessible] as? CFString == kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
    Checks.equal(isOurs, true, "readable after the first unlock, on this device only")
    Checks.equal(item?[kSecAttrSynchronizable] as? Bool, false, "not synchronised")
    Checks.equal(item?[kSecUseDataProtectionKeychain] as? Bool, true, "in the data protection keychain")
    Checks.equal(item?[kSecAttrAccessGroup] as? String, "TEAM.group", "in the group")
    try store.delete(.slot0)
    Checks.equal(try store.read(.slot0), nil, "after the deletion")

    StubKeychain.fails = -34018
    do {
        _ = try store.read(.slot0)
        Checks.equal("read", "refused", "without the entitlement")
    } catch { Checks.equal(error, StoreError.failed(code: -34018), "without the entitlement") }
    StubKeychain.erase()
}

// MARK: sheets

func options(_ json: String) throws -> JsonObject { try JSONDecoder().decode(JsonObject.self, from: Data(json.utf8)) }

@MainActor
func sheetsAreAskedFor() async throws {
    let window = UIWindow()
    let alone = try options(#"{"challenge":"AAAA","rpId":"example.com","userVerification":"required"}"#)
    let named = try options(#"{"challenge":"AAAA","rpId":"example.com","allowCredentials":[{"id":"AQID","type":"public-key"}]}"#)
    let creation = try options(
        #"{"rp":{"id":"example.com"},"user":{"id":"AQ","name":"ada","displayName":"Ada"},"challenge":"AAAA","pubKeyCredParams":[{"alg":-7}]}"#)

    typealias Row = (prompt: SystemPasskeyPrompt, way: String, alone: Int, named: Int, made: Int)
    let rows: [Row] = [
        (SystemPasskeyPrompt { window }, "sheet", 1, 2, 2),
        (SystemPasskeyPrompt(securityKeys: .never) { window }, "sheet", 1, 1, 1),
        (SystemPasskeyPrompt(securityKeys: .always) { window }, "sheet", 2, 2, 2),
        (SystemPasskeyPrompt(immediatelyAvailable: true) { window }, "immediately available", 1, 2, 2),
        (SystemPasskeyPrompt(autofill: true) { window }, "autofill", 1, 1, 2),
    ]
    StubSheet.error = 1001
    for row in rows {
        StubSheet.shown = []
        _ = await promptOutcome { () async throws(PromptError) in try await row.prompt.assert(alone) }
        _ = await promptOutcome { () async throws(PromptError) in try await row.prompt.assert(named) }
        _ = await promptOutcome { () async throws(PromptError) in try await row.prompt.create(creation) }
        Checks.equal(StubSheet.shown.map(\.way), [row.way, row.way, "sheet"], "how the system asks")
        Checks.equal(StubSheet.shown.map(\.requests.count), [row.alone, row.named, row.made], "what \(row.way) asks for")
    }
}

@MainActor
func sheetsEnd() async throws {
    let window = UIWindow()
    let alone = try options(#"{"challenge":"AAAA","rpId":"example.com"}"#)
    StubSheet.reason = "The application is not associated with the domain example.com."
    let errors: [(Int, PromptError)] = [
        (1001, .cancelled), (1003, .unavailable), (1004, .failed(code: 1004, reason: StubSheet.reason)), (1005, .unavailable),
        (1006, .alreadyRegistered), (1010, .unavailable),
    ]
    for (code, error) in errors {
        StubSheet.error = code
        let prompt = SystemPasskeyPrompt { window }
        Checks.equal(await promptOutcome { () async throws(PromptError) in try await prompt.assert(alone) }, error, "error \(code)")
    }

    // An app that takes the task back takes the sheet away.
    StubSheet.error = 0
    StubSheet.shown = []
    let task = Task { @MainActor in
        await promptOutcome { () async throws(PromptError) in try await SystemPasskeyPrompt(autofill: true) { window }.assert(alone) }
    }
    while StubSheet.shown.isEmpty { await Task.yield() }
    task.cancel()
    Checks.equal(await task.value, .cancelled, "a task that is cancelled")

    let without = SystemPasskeyPrompt { nil }
    Checks.equal(await promptOutcome { () async throws(PromptError) in try await without.assert(alone) }, .unavailable, "without a window")
}

@main
struct Main {
    @MainActor
    static func main() async throws {
        await unlockAsksTheUser()
        await unlockIsRefused()
        await unlockIsUnavailable()
        try keychainKeepsItems()
        try await sheetsAreAskedFor()
        try await sheetsEnd()
        if Checks.failures > 0 { exit(1) }
        print("the files for Apple's systems do what they say")
    }
}
