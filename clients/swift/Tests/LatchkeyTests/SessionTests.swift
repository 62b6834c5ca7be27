import Foundation
import Latchkey
import LatchkeyAPI
import XCTest

final class SessionTests: SessionTestCase, @unchecked Sendable {
    func testP3ManyCallsOneRefresh() async throws {
        let session = try await signedIn()
        clock.advance(301)
        let results = await calls(200, session)
        XCTAssertEqual(results, Array(repeating: .success(200), count: 200))
        XCTAssertEqual(server.count("refreshToken"), 1)
        XCTAssertEqual(server.count("getProfile"), 200)
    }

    func testTheIDOfTheUserMayBeText() async throws {
        for (json, id) in [("7", "7"), (#""9007199254740993""#, "9007199254740993"), (#""6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b""#, "6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b")] {
            let phone = TestKeychain()
            server.names(user: json)
            let session = try await signedIn(on: phone)
            clock.advance(301)
            let refreshed = await call(session)
            XCTAssertEqual(refreshed, .success(200))
            let kept = await session.userID
            XCTAssertEqual(kept, UserID(id))

            let again = try self.session(on: phone)
            let found = await call(again)
            XCTAssertEqual(found, .success(200))
            let restored = await again.userID
            XCTAssertEqual(restored?.description, id)
        }
    }

    func testP3ARefusedTokenIsRefreshedOnceForAll() async throws {
        let session = try await signedIn()
        server.expire()
        let results = await calls(50, session)
        XCTAssertEqual(results, Array(repeating: .success(200), count: 50))
        XCTAssertEqual(server.count("refreshToken"), 1)
    }

    func testP1ALostAnswerIsAskedForAgainWithTheSameKey() async throws {
        let session = try await signedIn()
        for round in 1...10 {
            clock.advance(301)
            server.play("refreshToken", .lost)
            let lost = await call(session)
            expectFailure(lost) { $0.action == .retry }
            clock.advance(3)
            let found = await call(session)
            XCTAssertEqual(found, .success(200), "round \(round)")
            let keys = server.requests("refreshToken").suffix(2).map { $0.headers["Idempotency-Key"] }
            XCTAssertEqual(keys[0], keys[1])
        }
    }

    func testP3AYoungTokenThatIsRepeatedKeepsItsKey() async throws {
        let session = try await signedIn()
        server.repeatsTokens(true)
        for _ in 0..<2 {
            clock.advance(301)
            let result = await call(session)
            XCTAssertEqual(result, .success(200))
        }
        server.repeatsTokens(false)
        for _ in 0..<2 {
            clock.advance(301)
            let result = await call(session)
            XCTAssertEqual(result, .success(200))
        }
        let keys = server.requests("refreshToken").map { $0.headers["Idempotency-Key"] }
        XCTAssertEqual(Set(keys.prefix(3)).count, 1, "one token, one key")
        XCTAssertNotEqual(keys[2], keys[3], "its successor has another")
    }

    func testP3AConflictEndsNothingAndIsRepeatedAfterRetryAfter() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.play("refreshToken", .response(TestServer.problem(409, "refresh_conflict", headers: ["Retry-After": "2"])))
        let failed = await call(session)
        expectFailure(failed) { $0 == .unavailable(status: 409, code: "refresh_conflict", retryAfter: 2) && $0.action == .reread }
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
        let early = await call(session)
        expectFailure(early) { $0.action == .retry }
        XCTAssertEqual(server.count("refreshToken"), 1)
        clock.advance(3)
        let after = await call(session)
        XCTAssertEqual(after, .success(200))
    }

    func testP6WhatIsNoVerdictEndsNothing() async throws {
        let session = try await signedIn()
        let html = Data("<html>".utf8)
        let outages: [TestServer.Played] = [
            .failure(.network(code: -1009)), .failure(.timedOut), .failure(.untrustedServer),
            .response(HTTPResponse(status: 200, body: html)), .response(TestServer.json(200, "{}")), .response(HTTPResponse(status: 200)),
            .response(TestServer.json(200, #"{"status":200,"data":{"us"#)), .response(HTTPResponse(status: 400, body: html)),
            .response(TestServer.json(400, #"{"errors":[{"code":"session_ended","message":""}]}"#)),
            .response(TestServer.json(400, #"{"status":401,"errors":[{"code":"session_ended","message":""}]}"#)),
            .response(TestServer.unauthorized()), .response(HTTPResponse(status: 403, body: html)), .response(HTTPResponse(status: 410, body: html)),
            .response(TestServer.problem(408, "request_timeout")), .response(HTTPResponse(status: 425)), .response(TestServer.problem(429, "too_many_requests")),
            .response(TestServer.problem(500, "internal_error")), .response(HTTPResponse(status: 502, body: html)),
            .response(TestServer.problem(503, "temporarily_unavailable", headers: ["Retry-After": "3"])),
            .response(HTTPResponse(status: 302, headers: ["Location": "https://portal.example.com"])),
        ]
        for outage in outages {
            clock.advance(500)
            server.play("refreshToken", outage)
            let failed = await call(session)
            expectFailure(failed) { $0.action == .retry || $0.action == .wait }
            let state = await session.state()
            XCTAssertEqual(state, .signedIn, "\(outage)")
            clock.advance(500)
            let after = await call(session)
            XCTAssertEqual(after, .success(200), "\(outage)")
        }
    }

    func testP15TheSevenCodesEndTheSessionOnceWithTheirReason() async throws {
        let codes = ["refresh_token_invalid", "session_expired", "session_ended", "password_changed", "ownership_verified", "refresh_token_reused", "account_disabled", "account_deleted"]
        for code in codes {
            let session = try await signedIn()
            var changes = session.changes().makeAsyncIterator()
            clock.advance(301)
            server.play("refreshToken", .response(TestServer.json(400, #"{"status":400,"errors":[{"code":"\#(code)","message":""}],"meta":{"ended_at":12.5}}"#)))
            let reason = EndReason(code: code, endedAt: Date(timeIntervalSince1970: 12.5))
            let results = await calls(20, session)
            XCTAssertEqual(results, Array(repeating: .failure(.signedOut(reason)), count: 20))
            let change = await changes.next()
            XCTAssertEqual(change, .signedOut(reason))
            XCTAssertFalse(keychain.contents.values.contains { $0.contains("refresh-") }, code)
            let before = server.log.count
            let later = await call(session)
            XCTAssertEqual(later, .failure(.signedOut(reason)))
            XCTAssertEqual(server.log.count, before)
            server.end(nil)
        }
    }

    func testP7AStormOf401IsSixRefreshesInTenMinutes() async throws {
        let session = try await signedIn()
        for _ in 0..<120 {
            let before = (server.count("getProfile"), server.count("refreshToken"))
            server.expire()
            server.play("getProfile", .response(TestServer.unauthorized()), .response(TestServer.unauthorized()))
            _ = await call(session)
            XCTAssertLessThanOrEqual(server.count("getProfile") - before.0, 2)
            XCTAssertLessThanOrEqual(server.count("refreshToken") - before.1, 1)
            clock.advance(5)
        }
        XCTAssertLessThanOrEqual(server.count("refreshToken"), 6)
        XCTAssertGreaterThan(server.count("refreshToken"), 1)
        let state = await session.state()
        XCTAssertEqual(state, .signedIn)
    }

    func testAheadOfItsEndATokenIsRenewedAndStillDoesWhenThatFails() async throws {
        let session = try await signedIn()
        clock.advance(271)
        server.play("refreshToken", .response(TestServer.problem(503, "temporarily_unavailable", headers: ["Retry-After": "2"])))
        let first = await call(session)
        XCTAssertEqual(first, .success(200))
        let second = await call(session)
        XCTAssertEqual(second, .success(200))
        XCTAssertEqual(server.count("refreshToken"), 1)
        clock.advance(4)
        let third = await call(session)
        XCTAssertEqual(third, .success(200))
        XCTAssertEqual(server.count("refreshToken"), 2)
    }

    func testRetryAfterIsHonoured() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.play("refreshToken", .response(TestServer.problem(503, "temporarily_unavailable", headers: ["Retry-After": "120"])))
        let failed = await call(session)
        expectFailure(failed) { $0 == .unavailable(status: 503, code: "temporarily_unavailable", retryAfter: 120) }
        clock.advance(119)
        let early = await call(session)
        expectFailure(early) { if case .unavailable(nil, nil, let left?) = $0 { left >= 1 && left <= 2 } else { false } }
        XCTAssertEqual(server.count("refreshToken"), 1)
        clock.advance(3)
        let later = await call(session)
        XCTAssertEqual(later, .success(200))
    }

    func testReauthenticationIsHandedOut() async throws {
        let session = try await signedIn()
        server.play("getProfile", .response(TestServer.unauthorized(authenticated: true)))
        let result = await call(session)
        XCTAssertEqual(result, .success(401))
        XCTAssertEqual(server.count("refreshToken"), 0)
    }

    func testAHangingRequestTimesOut() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.hold("refreshToken")
        async let result = call(session)
        await until("the refresh is under way, and so is its timer") { server.isHeld("refreshToken") && clock.isAwaited }
        clock.advance(16)
        server.letGo("refreshToken") // URLSession lets go by itself when its task is cancelled
        let failed = await result
        expectFailure(failed) { $0 == .network(.timedOut) }
        clock.advance(5)
        let after = await call(session)
        XCTAssertEqual(after, .success(200))
    }

    func testOneCallerGivesUpTheOtherDoesNot() async throws {
        let session = try await signedIn()
        clock.advance(301)
        server.hold("refreshToken")
        let one = Task { await call(session) }
        let other = Task { await call(session) }
        await until("the refresh is under way") { server.isHeld("refreshToken") }
        one.cancel()
        let given = await one.value
        XCTAssertEqual(given, .failure(.cancelled))
        server.letGo("refreshToken")
        let got = await other.value
        XCTAssertEqual(got, .success(200))
        XCTAssertEqual(server.count("refreshToken"), 1)
    }

    func testNoCredentialsNoRequest() async throws {
        let session = try session()
        let result = await call(session)
        XCTAssertEqual(result, .failure(.signedOut(nil)))
        XCTAssertEqual(server.log.count, 0)
        let state = await session.state()
        XCTAssertEqual(state, .signedOut(nil))
    }

    func testTokensGoNowhereElse() async throws {
        let session = try await signedIn()
        do {
            _ = try await session.data(for: .init(url: URL(string: "https://elsewhere.example.com/")!))
            XCTFail("sent to a foreign host")
        } catch { XCTAssertEqual(error, .foreignHost) }
    }
}
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif
