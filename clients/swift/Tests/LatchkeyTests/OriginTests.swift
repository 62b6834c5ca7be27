import Foundation
import Latchkey
import LatchkeyAPI
import XCTest
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// APIs of the app's own.
final class OriginTests: SessionTestCase, @unchecked Sendable {
    private let good = URL(string: "https://good.example.com/v1")!
    private let bad = URL(string: "https://bad.example.com")!

    private func signedInWithAPIs() async throws -> Session {
        try await signedIn { $0.origins = [self.good, self.bad] }
    }

    private func get(_ session: Session, _ url: URL) async -> Result<Int, SessionError> {
        do { return .success(try await session.data(for: URLRequest(url: url)).1.statusCode) } catch { return .failure(error) }
    }

    func testAnAPIThatRefusesEverythingIsSixRefreshesInTenMinutesAndHoldsUpNobody() async throws {
        let session = try await signedInWithAPIs()
        server.refuse("bad.example.com")
        for _ in 0..<60 {
            let refused = await get(session, bad)
            XCTAssertEqual(refused, .success(401))
            let other = await get(session, good)
            XCTAssertEqual(other, .success(200))
            let own = await call(session)
            XCTAssertEqual(own, .success(200))
            clock.advance(10)
        }
        XCTAssertGreaterThan(server.count("refreshToken"), 1)
        XCTAssertLessThanOrEqual(server.count("refreshToken"), 6 + 2) // two ahead of expiry
    }

    func testAllOriginsTogetherCauseSixRefreshesInTenMinutes() async throws {
        let urls = (0..<10).map { URL(string: "https://bad\($0).example.com")! }
        let session = try await signedIn { $0.origins = urls }
        server.refuse("bad0.example.com", "bad1.example.com", "bad2.example.com", "bad3.example.com", "bad4.example.com",
            "bad5.example.com", "bad6.example.com", "bad7.example.com", "bad8.example.com", "bad9.example.com")
        for url in urls {
            let refused = await get(session, url)
            XCTAssertEqual(refused, .success(401))
        }
        XCTAssertEqual(server.count("refreshToken"), 6)
        clock.advance(301) // its end is another matter
        let own = await call(session)
        XCTAssertEqual(own, .success(200))
        XCTAssertEqual(server.count("refreshToken"), 7)
    }

    func testAnAPIThatRefusesAStaleTokenGetsTheNextOne() async throws {
        let session = try await signedInWithAPIs()
        server.expire()
        let result = await get(session, good)
        XCTAssertEqual(result, .success(200))
        XCTAssertEqual(server.asked.count, 2)
        XCTAssertEqual(server.count("refreshToken"), 1)
    }

    func testOnlyTheServerAndTheOriginsGetTheToken() async throws {
        let session = try await signedInWithAPIs()
        for (text, isOurs) in [
            ("https://good.example.com/v1/orders", true), ("https://GOOD.example.com:443/v1", true), ("https://bad.example.com/?q=1#a", true),
            ("https://auth.example.com/any", true),
            ("https://good.example.com/v10", false), ("https://good.example.com/v1/../v2", false), ("https://good.example.com/v1/%2e%2E/v2", false),
            ("http://good.example.com/v1", false), ("https://good.example.com:8443/v1", false), ("https://good.example.com.evil.com/v1", false),
            ("https://ada:secret@good.example.com/v1", false), ("https://elsewhere.example.com/", false), ("/v1", false),
        ] {
            let result = await get(session, URL(string: text)!)
            XCTAssertEqual(result, isOurs ? .success(200) : .failure(.foreignHost), text)
        }
    }

    func testAnAddressThatCannotWorkIsAnErrorAtOnce() throws {
        for text in ["api.example.com", "//api.example.com", "ftp://api.example.com", "https://a.example.com?a=b", "https://a.example.com#a",
            "https://ada@a.example.com", "https://", "http://192.168.1.20:8080", "http://localhost.example.com"]
        {
            let url = URL(string: text)!
            XCTAssertThrowsError(try session { $0.origins = [url] }, text)
            XCTAssertThrowsError(try Session(server: url, store: MemoryTokenStore()), text)
        }
        XCTAssertNoThrow(try session { ($0.origins, $0.allowsInsecureHTTP) = ([URL(string: "http://192.168.1.20:8080")!], true) })
    }
}
