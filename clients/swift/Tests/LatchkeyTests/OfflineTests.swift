import Foundation
@testable import Latchkey
import LatchkeyAPI
import XCTest

/// A phone that goes through tunnels.
final class OfflineTests: SessionTestCase, @unchecked Sendable {
    private func isNetwork(_ result: Result<Int, SessionError>) -> Bool {
        if case .failure(.network) = result { true } else { false }
    }

    func testAPhoneIsBackWithin15SecondsHoweverLongItWasAway() async throws {
        let session = try await signedIn()
        for minutes in [1, 2, 5, 10, 30] {
            for round in 0..<20 {
                clock.advance(301)
                server.cut(true)
                for _ in 0..<minutes * 4 {
                    let result = await call(session)
                    XCTAssertTrue(isNetwork(result), "\(result)")
                    clock.advance(15)
                }
                clock.advance(Double(round) * 0.7)
                server.cut(false)
                var waited = 0
                while case .failure = await call(session) {
                    clock.advance(1)
                    waited += 1
                    if waited > 15 { return XCTFail("still out after \(minutes) minutes offline") }
                }
            }
        }
    }

    func testWhileItWaitsNothingIsSentAndTheErrorIsTheNetwork() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.play("refreshToken", .failure(.timedOut))
        let first = await call(session)
        XCTAssertEqual(first, .failure(.network(.timedOut)))
        let second = await call(session)
        XCTAssertEqual(second, .failure(.network(.timedOut)))
        XCTAssertEqual(server.count("refreshToken"), 1)
    }

    func testTheUsersOwnRefreshTriesOnceInAWait() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.cut(true)
        for _ in 0..<6 {
            _ = await call(session)
            clock.advance(20)
        }
        _ = await call(session)
        server.cut(false)
        server.play("refreshToken", .failure(.network(code: -1009)))
        for _ in 0..<5 {
            do {
                try await session.refresh()
                XCTFail("refreshed")
            } catch { XCTAssertEqual(error, .network(.network(code: -1009))) }
        }
        XCTAssertEqual(server.count("refreshToken"), 1)
        clock.advance(15)
        let back = await call(session)
        XCTAssertEqual(back, .success(200))
    }

    func testOnlineEndsTheWaitAfterNoAnswerAndNoOther() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.cut(true)
        _ = await call(session)
        server.cut(false)
        session.online()
        let back = await call(session)
        XCTAssertEqual(back, .success(200))

        clock.advance(301)
        server.play("refreshToken", .response(TestServer.problem(503, "temporarily_unavailable", headers: ["Retry-After": "120"])))
        _ = await call(session)
        session.online()
        let kept = await call(session)
        expectFailure(kept) { if case .unavailable(nil, nil, _) = $0 { true } else { false } }
        XCTAssertEqual(server.count("refreshToken"), 2)
    }

    func testOfflineFailsAtOnce() async throws {
        let session = try await signedIn()
        clock.advance(301)
        session.offline()
        let failed = await call(session)
        XCTAssertTrue(isNetwork(failed))
        XCTAssertEqual(server.count("refreshToken"), 0)
        session.online()
        let back = await call(session)
        XCTAssertEqual(back, .success(200))
    }

    func testACallWithALivingTokenTakesTwoSecondsAtMostWhileOffline() async throws {
        let session = try await signedIn()
        session.offline()
        server.hold("getProfile")
        let task = Task { await call(session) }
        await until("it is sent") { server.isHeld("getProfile") }
        clock.advance(2)
        server.letGo("getProfile")
        let result = await task.value
        XCTAssertEqual(result, .failure(.network(.timedOut)))
    }

    func testNobodyQueuesBehindTheUsersOwnTry() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.cut(true)
        _ = await call(session)
        server.cut(false)
        server.hold("refreshToken")
        let own = Task { try await session.refresh() }
        await until("it is sent") { server.isHeld("refreshToken") }
        let other = await call(session)
        XCTAssertTrue(isNetwork(other))
        server.letGo("refreshToken")
        try await own.value
    }

    func testTheWaitsAre1248AndThen15() {
        var waits = RefreshWaits()
        var now = 0.0
        for expected in [1.0, 2, 4, 8, 15, 15, 15] {
            let least = waits
            XCTAssertLessThanOrEqual(waits.noteSilence(.timedOut, at: now, jitter: 0), expected)
            waits = least
            let wait = waits.noteSilence(.timedOut, at: now, jitter: 1)
            XCTAssertGreaterThanOrEqual(wait, expected)
            XCTAssertLessThanOrEqual(wait, min(15, expected * 1.5))
            XCTAssertNotNil(waits.silence(at: now + wait - 0.1))
            XCTAssertNil(waits.silence(at: now + wait))
            now += wait
        }
    }

    func testAClockThatJumpsAheadCostsOneRefreshAndOneThatJumpsBackNone() async throws {
        let session = try await signedIn()
        for (offset, refreshes) in [(86_400.0, 1), (-3e8, 1), (3e8, 2), (0, 2)] {
            clock.setWall(offset)
            for _ in 0..<3 {
                let result = await call(session)
                XCTAssertEqual(result, .success(200))
            }
            XCTAssertEqual(server.count("refreshToken"), refreshes, "\(offset)")
        }
    }

    /// The clock that goes forward stands still in deep sleep; the wall clock does not.
    func testATokenThatDiedInDeepSleepIsNotSent() async throws {
        let session = try await signedIn()
        server.expire()
        clock.setWall(8 * 3600)
        let result = await call(session)
        XCTAssertEqual(result, .success(200))
        XCTAssertEqual(server.count("getProfile"), 1)
    }
}
