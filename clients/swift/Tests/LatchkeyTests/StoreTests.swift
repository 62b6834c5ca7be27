import Foundation
@testable import Latchkey
import LatchkeyAPI
import XCTest

final class StoreTests: SessionTestCase, @unchecked Sendable {
    func testP5LockedIsNotSignedOut() async throws {
        for condition in [TestKeychain.Condition.locked, .lockedSayingNotFound] {
            let first = try await signedIn()
            let stored = keychain.contents
            keychain.condition = condition
            let session = try session()
            let before = server.log.count
            let state = await session.state()
            XCTAssertEqual(state, .locked)
            let result = await call(session)
            XCTAssertEqual(result, .failure(.locked))
            do {
                try await session.refresh()
                XCTFail("refreshed")
            } catch { XCTAssertEqual(error, .locked) }
            XCTAssertEqual(server.log.count, before)
            XCTAssertEqual(keychain.called("delete"), 0)
            keychain.condition = .unlocked
            XCTAssertEqual(keychain.contents, stored)
            let after = await call(session)
            XCTAssertEqual(after, .success(200))
            keychain.contents = [:]
            withExtendedLifetime(first) {}
        }
    }

    func testP5LockedWhileRunningKeepsTheLivingToken() async throws {
        let session = try await signedIn()
        keychain.condition = .lockedSayingNotFound
        let living = await call(session)
        XCTAssertEqual(living, .success(200))
        clock.advance(301)
        let expired = await call(session)
        XCTAssertEqual(expired, .failure(.locked))
        XCTAssertEqual(server.count("refreshToken"), 0)
        keychain.condition = .unlocked
        let after = await call(session)
        XCTAssertEqual(after, .success(200))
    }

    func testP5NotFoundIsBelievedOnlyWithTheProbe() async throws {
        _ = try await signedIn()
        keychain.condition = .lockedSayingNotFound
        let session = try session()
        let state = await session.state()
        XCTAssertEqual(state, .locked)
        keychain.condition = .unlocked
        let after = await session.state()
        XCTAssertEqual(after, .signedIn)
    }

    func testP5AFirstLaunchMakesTheProbe() throws {
        XCTAssertNil(try keychain.store().read(.slot0))
        XCTAssertEqual(keychain.called("add probe"), 1)
        XCTAssertNil(try keychain.store().read(.slot0))
        XCTAssertEqual(keychain.called("add probe"), 1)
    }

    func testP5AProbeThatAnotherThreadHasJustMadeIsNoLock() throws {
        keychain.contents = ["probe": "1"]
        keychain.condition = .hidingProbe // from the slot until after the first look at the probe
        XCTAssertNil(try keychain.store().read(.slot0))
        XCTAssertEqual(keychain.calls, ["copy slot-0", "copy probe", "add probe", "copy probe"])
    }

    func testAMissingEntitlementIsAnErrorAndNotAbsence() async throws {
        keychain.condition = .unentitled
        let session = try session()
        let state = await session.state()
        XCTAssertEqual(state, .unreadable(.failed(code: -34018)))
    }

    func testP9ReadsThatFailDestroyNothing() async throws {
        _ = try await signedIn()
        let session = try session()
        keychain.failReads(3)
        for _ in 0..<3 {
            let state = await session.state()
            XCTAssertEqual(state, .unreadable(.failed(code: -36)))
        }
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        XCTAssertEqual(keychain.called("delete"), 0)
    }

    func testP9APairThatIsNotStoredIsNotUsed() async throws {
        let session = try await signedIn()
        clock.advance(301)
        keychain.condition = .rejectingWrites
        let failed = await call(session)
        XCTAssertEqual(failed, .failure(.store(.failed(code: -61))))
        XCTAssertEqual(server.count("getProfile"), 0)
        keychain.condition = .unlocked
        clock.advance(5)
        let after = await call(session)
        XCTAssertEqual(after, .success(200))
        let keys = Set(server.requests("refreshToken").map { $0.headers["Idempotency-Key"] })
        XCTAssertEqual(keys.count, 1)
    }

    func testP10AWriteThatTearsSilentlyIsNoticed() async throws {
        let session = try await signedIn()
        clock.advance(301)
        keychain.condition = .tearing
        let failed = await call(session)
        XCTAssertEqual(failed, .failure(.store(.damaged)))
        XCTAssertEqual(server.count("getProfile"), 0)
        keychain.condition = .unlocked
        let next = try self.session() // killed in between
        let after = await call(next)
        XCTAssertEqual(after, .success(200))
    }

    func testP4AnotherProcessHasRefreshed() async throws {
        let session = try await signedIn()
        let other = try self.session()
        for _ in 0..<2 {
            let result = await call(other)
            XCTAssertEqual(result, .success(200))
            clock.advance(301)
        }
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
    }

    func testP4ATerminalAnswerToAnOldTokenAdoptsTheStoredOne() async throws {
        try await refuseMeanwhile(TestServer.problem(400, "refresh_token_reused"))
    }

    func testP4AConflictGoesOnWithTheStoredOne() async throws {
        try await refuseMeanwhile(TestServer.problem(409, "refresh_conflict", headers: ["Retry-After": "1"]))
    }

    /// Refuses a refresh while another process, which could not wait for the lock, changes the store.
    private func refuseMeanwhile(_ refusal: HTTPResponse) async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.hold("refreshToken")
        server.play("refreshToken", .response(refusal))
        async let result = call(session)
        await until("the refresh is under way") { server.isHeld("refreshToken") }
        let other = TestKeychain()
        _ = try await signedIn(on: other)
        keychain.contents = other.contents
        server.letGo("refreshToken")
        let adopted = await result
        XCTAssertEqual(adopted, .success(200))
        XCTAssertEqual(server.count("refreshToken"), 2)
    }

    func testP4AnotherProcessHasSignedOut() async throws {
        let session = try await signedIn()
        try await self.session().signOut()
        let before = server.count("refreshToken")
        clock.advance(301)
        let result = await call(session)
        XCTAssertEqual(result, .failure(.signedOut(nil)))
        XCTAssertEqual(server.count("refreshToken"), before)
    }

    func testALockThatNobodyFreesIsAnError() async throws {
        let store = MemoryTokenStore()
        var options = SessionOptions()
        (options.transport, options.clock, options.lockPatience) = (server, clock, 0.05)
        let session = try Session(server: URL(string: "https://auth.example.com")!, store: store, options: options)
        _ = try await session.signIn(email: "a@example.com", password: "x")
        clock.advance(301)
        let lease = store.tryLock(.refresh)
        let result = await call(session)
        XCTAssertEqual(result, .failure(.store(.lockUnavailable)))
        lease?.release()
        let after = await call(session)
        XCTAssertEqual(after, .success(200))
    }

    func testTheKeychainUpdatesAndThenAdds() throws {
        let store = keychain.store()
        try store.write("one", to: .slot0)
        try store.write("two", to: .slot0)
        XCTAssertEqual(keychain.calls, ["update slot-0", "add slot-0", "update slot-0"])
        XCTAssertEqual(try store.read(.slot0), "two")
        try store.delete(.slot0)
        try store.delete(.slot0)
        XCTAssertNil(try store.read(.slot0))
    }
}

final class TokenRecordTests: XCTestCase {
    func testEveryTearIsNoticed() throws {
        let record = TokenRecord(sequence: 3, refreshToken: "refresh", userID: 7)
        let text = try record.text()
        XCTAssertEqual(TokenRecord(text: text), record)
        for length in 0..<text.count { XCTAssertNil(TokenRecord(text: String(text.prefix(length)))) }
        XCTAssertNil(TokenRecord(text: text.replacingOccurrences(of: "refresh\"", with: "refrash\"")))
    }

    func testItFitsTheLongestTokenOfOursAndRefusesMore() throws {
        let longest = TokenRecord(sequence: .max, refreshToken: String(repeating: "x", count: 672),
            userID: UserID(String(repeating: "x", count: 64)), origin: "0123456789abcdef")
        XCTAssertLessThanOrEqual(try longest.text().utf8.count, 1024)
        XCTAssertThrowsError(try TokenRecord(refreshToken: String(repeating: "x", count: 1000)).text()) {
            guard case .tooLarge = $0 as? StoreError else { return XCTFail("\($0)") }
        }
    }

    func testKeysAreWhatTheServerTakesAndDiffer() {
        let keys = (0..<100).map { _ in TokenRecord(refreshToken: "x").idempotencyKey }
        XCTAssertEqual(Set(keys).count, 100)
        XCTAssertTrue(keys.allSatisfy { $0.range(of: "^[A-Za-z0-9_-]{8,64}$", options: .regularExpression) != nil })
    }

    private func token(_ session: String, _ id: Int) -> String {
        let claims = Data(#"{"sid":"\#(session)","jti":"\#(id)"}"#.utf8).base64EncodedString()
        return "e30.\(claims).x".replacingOccurrences(of: "=", with: "")
    }

    /// A process died after it had stored a session over another one.
    func testASessionThatWasReplacedAndNotQueuedIsFoundLater() async throws {
        let (store, vault) = (MemoryTokenStore(), TokenVault(store: MemoryTokenStore(), patience: 0.05))
        let left = TokenVault(store: store, patience: 0.05)
        let old = TokenRecord(sequence: 7, refreshToken: token("old", 1))
        let new = TokenRecord(sequence: 8, refreshToken: token("new", 1))
        store.write(try old.text(), to: .slot0)
        store.write(try new.text(), to: .slot1)
        guard case .made(_, let over?) = try await left.replace(new.idempotencyKey, with: new.next(token("new", 2))) else { return XCTFail("not found") }
        XCTAssertEqual(over, old)
        XCTAssertEqual(try left.queued(), [old])

        let first = try await vault.begin(new, replacesLost: false, ends: true) { true }
        XCTAssertEqual(first?.before, [])
        guard case .made(let next, nil) = try await vault.replace(new.idempotencyKey, with: new.next(token("new", 2))),
              case .made(_, nil) = try await vault.replace(next.idempotencyKey, with: next.next(token("new", 3)))
        else { return XCTFail("a generation before is no other session") }
        XCTAssertEqual(try vault.queued(), [])
    }

    func testTheHigherSequenceCountsAndATornSlotDoesNot() async throws {
        let store = MemoryTokenStore()
        let vault = TokenVault(store: store, patience: 0.05)
        let begun = try await vault.begin(TokenRecord(refreshToken: "one"), replacesLost: false, ends: true) { true }
        let first = try XCTUnwrap(begun?.record)
        guard case .made(let second, nil) = try await vault.replace(first.idempotencyKey, with: TokenRecord(refreshToken: "two")) else { return XCTFail("overtaken") }
        XCTAssertEqual(try vault.load(), second)
        let slot = store.read(.slot0)?.contains("two") == true ? StoreItem.slot0 : .slot1
        store.write(String(store.read(slot)!.prefix(30)), to: slot)
        XCTAssertEqual(try vault.load(), first)
        let late = try await vault.replace(second.idempotencyKey, with: TokenRecord(refreshToken: "three"))
        XCTAssertEqual(late, .overtaken(first))
    }
}

final class FileTokenStoreTests: XCTestCase {
    func testFilesAreTheirOwnersAndLocksHold() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: directory) }
        let store = try FileTokenStore(directory: directory)
        XCTAssertNil(try store.read(.slot0))
        try store.write("text", to: .slot0)
        XCTAssertEqual(try store.read(.slot0), "text")
        let mode = try FileManager.default.attributesOfItem(atPath: directory.appendingPathComponent("slot-0").path)[.posixPermissions] as? Int
        XCTAssertEqual(mode, 0o600)
        try store.delete(.slot0)
        try store.delete(.slot0)
        XCTAssertNil(try store.read(.slot0))
        let lease = try store.tryLock(.refresh)
        XCTAssertNotNil(lease)
        XCTAssertNil(try FileTokenStore(directory: directory).tryLock(.refresh))
        XCTAssertNotNil(try store.tryLock(.change))
        lease?.release()
        XCTAssertNotNil(try store.tryLock(.refresh))
    }

    func testAnUnreadableFileIsAnErrorAndNotAbsence() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: directory) }
        let store = try FileTokenStore(directory: directory)
        try FileManager.default.createDirectory(at: directory.appendingPathComponent("slot-0"), withIntermediateDirectories: false)
        XCTAssertThrowsError(try store.read(.slot0))
    }
}
