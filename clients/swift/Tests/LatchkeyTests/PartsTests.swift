import Foundation
@testable import Latchkey
import LatchkeyAPI
import XCTest

final class BackoffTests: XCTestCase {
    func testSixTriesInTenMinutesWhateverTheJitter() {
        for jitter in [0, 0.5, 1] {
            var (backoff, tries, now) = (Backoff(), 0, 0.0)
            while now < 600 {
                if backoff.remaining(at: now) == nil {
                    tries += 1
                    backoff.fail(at: now, retryAfter: nil, jitter: jitter)
                }
                now += 1
            }
            XCTAssertLessThanOrEqual(tries, 6)
            XCTAssertGreaterThanOrEqual(tries, 5)
            XCTAssertLessThanOrEqual(backoff.remaining(at: now) ?? 0, 450)
        }
    }

    func testRetryAfterIsALowerBoundOfAnHourAtMost() {
        var backoff = Backoff()
        XCTAssertEqual(backoff.fail(at: 0, retryAfter: 120, jitter: 0), 120)
        backoff.reset()
        XCTAssertEqual(backoff.fail(at: 0, retryAfter: 1e9, jitter: 0), 3600)
        backoff.pass()
        XCTAssertNil(backoff.remaining(at: 0))
        XCTAssertEqual(backoff.fail(at: 0, retryAfter: nil, jitter: 0), 8) // passed is not proven
    }
}

final class AccessTokenTests: XCTestCase {
    func testItsLifeIsTheDifferenceOfTwoServerTimes() {
        let clock = TestClock()
        let token = AccessToken(TestServer.access(1), askedAt: clock.moment)
        clock.advance(269)
        XCTAssertTrue(token.isYoung(clock))
        clock.advance(1)
        XCTAssertFalse(token.isYoung(clock))
        clock.advance(29)
        XCTAssertTrue(token.isAlive(clock))
        clock.advance(1)
        XCTAssertFalse(token.isAlive(clock))
        XCTAssertFalse(AccessToken(TestServer.access(1), askedAt: clock.moment).refused.isAlive(clock))
    }

    func testATokenThatSaysNothingLivesUntilItIsRefused() {
        for opaque in ["", "opaque", "a.b.c", "a.e30.c", "a.eyJpYXQiOjUsImV4cCI6NX0.c"] {
            let clock = TestClock()
            let token = AccessToken(opaque, askedAt: clock.moment)
            clock.advance(1e9)
            XCTAssertTrue(token.isYoung(clock), opaque)
            XCTAssertFalse(token.refused.isYoung(clock), opaque)
        }
    }
}

final class BiometricLockTests: XCTestCase {
    private final class Prompt: UnlockPrompt, @unchecked Sendable {
        private let mutex = NSLock()
        private var answers: [SessionError?] = []
        private var open: CheckedContinuation<Void, Never>?
        private(set) var shown = 0

        func expect(_ answer: SessionError?) { mutex.withLock { answers.append(answer) } }
        func close() { mutex.withLock { { defer { open = nil }; return open }() }?.resume() }
        var isOpen: Bool { mutex.withLock { open != nil } }

        func show() async throws(SessionError) {
            let answer = mutex.withLock {
                shown += 1
                return answers.removeFirst()
            }
            await withCheckedContinuation { continuation in mutex.withLock { open = continuation } }
            if let answer { throw answer }
        }
    }

    private func fifty(_ lock: BiometricLock) -> [Task<SessionError?, Never>] {
        (0..<50).map { _ in
            Task { () -> SessionError? in do { try await lock.unlock(); return nil } catch { return error as? SessionError } }
        }
    }

    private func close(_ prompt: Prompt) async {
        while !prompt.isOpen { await Task.yield() }
        for _ in 0..<1000 { await Task.yield() } // let the others come
        prompt.close()
    }

    func testP13FiftyCallsOnePrompt() async {
        let prompt = Prompt()
        let lock = BiometricLock(prompt: prompt, clock: TestClock())
        prompt.expect(nil)
        let tasks = fifty(lock)
        await close(prompt)
        for task in tasks {
            let error = await task.value
            XCTAssertNil(error)
        }
        XCTAssertEqual(prompt.shown, 1)
    }

    func testP13DismissedMeansThirtySecondsOfPeace() async throws {
        let (prompt, clock) = (Prompt(), TestClock())
        let lock = BiometricLock(prompt: prompt, clock: clock)
        prompt.expect(.unlockCancelled)
        let tasks = fifty(lock)
        await close(prompt)
        for task in tasks {
            let error = await task.value
            XCTAssertEqual(error, .unlockCancelled)
        }
        clock.advance(29)
        do { try await lock.unlock(); XCTFail("unlocked") } catch { XCTAssertEqual(error, .unlockCancelled) }
        XCTAssertEqual(prompt.shown, 1)
        clock.advance(1)
        prompt.expect(nil)
        async let unlocked: Void = lock.unlock()
        await close(prompt)
        try await unlocked
        XCTAssertEqual(prompt.shown, 2)
    }

    func testADeviceThatCannotAskSaysWhyAndIsAskedAgainAtOnce() async throws {
        for reason in UnlockUnavailable.allCases {
            let prompt = Prompt()
            let lock = BiometricLock(prompt: prompt, clock: TestClock())
            for _ in 0..<2 {
                prompt.expect(.unlockUnavailable(reason))
                let task = Task { () -> SessionError? in do { try await lock.unlock(); return nil } catch { return error as? SessionError } }
                await close(prompt)
                let error = await task.value
                XCTAssertEqual(error, .unlockUnavailable(reason))
                XCTAssertEqual(error?.action, .show)
            }
            prompt.expect(nil) // the user has set it up
            async let unlocked: Void = lock.unlock()
            await close(prompt)
            try await unlocked
            XCTAssertEqual(prompt.shown, 3)
        }
    }

    func testADeviceThatCannotAskMayOpenButNotOneThatIsLockedOut() async throws {
        for reason in UnlockUnavailable.allCases {
            let prompt = Prompt()
            let lock = BiometricLock(prompt: prompt, whenUnavailable: .open, clock: TestClock())
            prompt.expect(.unlockUnavailable(reason))
            let task = Task { () -> SessionError? in do { try await lock.unlock(); return nil } catch { return error as? SessionError } }
            await close(prompt)
            let error = await task.value
            XCTAssertEqual(error, reason == .lockedOut ? .unlockUnavailable(reason) : nil)
        }
    }

    func testTheSystemsReasonsAreJudged() {
        XCTAssertEqual([-1, -2, -5, -6, -7, -8].map(UnlockJudgement.reason), [nil, nil, .noPasscode, .unavailable, .notEnrolled, .lockedOut])
        XCTAssertThrowsError(try UnlockJudgement.judge(-25293, after: .lockedOut)) {
            XCTAssertEqual($0 as? SessionError, .unlockUnavailable(.lockedOut))
        }
        XCTAssertThrowsError(try UnlockJudgement.judge(-25293, after: nil)) { XCTAssertEqual($0 as? SessionError, .unlockCancelled) }
        XCTAssertNoThrow(try UnlockJudgement.judge(0, after: .lockedOut))
    }

    func testStatusesAreJudged() {
        XCTAssertNoThrow(try UnlockJudgement.judge(0))
        for (status, expected) in [(-128, SessionError.unlockCancelled), (-25293, .unlockCancelled), (-25308, .locked), (-25300, .unlockFailed), (-34018, .unlockFailed)] as [(Int32, SessionError)] {
            XCTAssertThrowsError(try UnlockJudgement.judge(status)) { XCTAssertEqual($0 as? SessionError, expected) }
        }
    }
}

final class DigestTests: XCTestCase {
    func testFIPSVectors() {
        for (text, hex) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
            (String(repeating: "a", count: 1_000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ] {
            XCTAssertEqual(Digest.portableSHA256(Data(text.utf8)).map { String(format: "%02x", $0) }.joined(), hex)
            XCTAssertEqual(Digest.sha256(Data(text.utf8)), Digest.portableSHA256(Data(text.utf8)))
        }
    }
}
