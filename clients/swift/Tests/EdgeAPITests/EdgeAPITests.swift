import Foundation
import XCTest

/// What the generated code does with a description that has one of everything.
final class EdgeAPITests: XCTestCase {
    private func decode<T: Decodable>(_: T.Type, _ json: String) throws -> T {
        try JSONCoding.decoder().decode(T.self, from: Data(json.utf8))
    }

    private func encode(_ value: some Encodable) throws -> String {
        String(decoding: try JSONCoding.encoder().encode(value), as: UTF8.self)
    }

    func testUnionKeepsWhatItDoesNotKnow() throws {
        XCTAssertEqual(try decode(Animal.self, #"{"kind":"cat","lives":9}"#), .cat(Cat(lives: 9)))
        let unknown = #"{"kind":"owl","wings":2}"#
        let owl = try decode(Animal.self, unknown)
        XCTAssertEqual(owl, .other(.object(["kind": .string("owl"), "wings": .int(2)])))
        XCTAssertEqual(try encode(owl), unknown)
        XCTAssertEqual(try encode(Animal.dog(Dog())), #"{"kind":"dog"}"#)
    }

    func testOpenEnumKeepsWhatItDoesNotKnow() throws {
        XCTAssertEqual(try decode([Kind].self, #"["default","two words","new"]"#), [.default, .twoWords, Kind(rawValue: "new")])
        XCTAssertEqual(try encode([Kind(rawValue: "new"), .self]), #"["new","self"]"#)
        XCTAssertEqual(try decode([Level].self, "[1,7]"), [.value1, Level(rawValue: 7)])
    }

    func testANumberOrTextIsKeptAsText() throws {
        let keys = try decode([Key].self, #"[7,"7","9007199254740992","6f1c2a52-9a3e"]"#)
        XCTAssertEqual(keys, [7, "7", "9007199254740992", "6f1c2a52-9a3e"])
        XCTAssertEqual(keys[0], keys[1])
        XCTAssertEqual(keys.map { "\($0)" }, ["7", "7", "9007199254740992", "6f1c2a52-9a3e"])
        XCTAssertEqual(try encode(keys), #"[7,7,"9007199254740992","6f1c2a52-9a3e"]"#)
        XCTAssertThrowsError(try decode(Key.self, "1.5"))
        XCTAssertThrowsError(try decode(Key.self, "true"))
    }

    func testAbsentNullAndValueAreThreeThings() throws {
        for (name, json) in [(Nullable<String>?.none, #"{"kind":"dog"}"#), (.null, #"{"kind":"dog","name":null}"#), (.value("Rex"), #"{"kind":"dog","name":"Rex"}"#)] {
            XCTAssertEqual(try encode(Dog(name: name)), json)
            XCTAssertEqual(try decode(Dog.self, json).name, name)
        }
    }

    func testDatesWithAndWithoutFractions() throws {
        let json = #"{"id":1,"at":"2026-11-25T08:00:00Z","in":"x","level":1,"closed_at":"2026-11-25T08:00:00.250Z","raw":[1,2.5,null,true]}"#
        let thing = try decode(Thing.self, json)
        XCTAssertEqual(thing.at.timeIntervalSince1970, 1_795_593_600)
        XCTAssertEqual(thing.closedAt, .value(Date(timeIntervalSince1970: 1_795_593_600.25)))
        XCTAssertEqual(thing.raw, .array([.int(1), .double(2.5), .null, .bool(true)]))
    }

    func testPathQueryAndHeaders() async throws {
        let transport = Recorder(answer: HTTPResponse(status: 429, headers: ["RETRY-AFTER": "30"], body: Data(#"{"code":"slow"}"#.utf8)))
        let output = try await Client(transport: transport).listThings(.init(
            userId: "a/b c?é", kind: Kind(rawValue: "x/../y"), since: Date(timeIntervalSince1970: 0), limit: 5))
        XCTAssertEqual(output, .tooManyRequests(Problem(code: "slow"), retryAfter: 30))
        XCTAssertEqual(transport.last?.path, "/users/a%2Fb%20c%3F%C3%A9/things/x%2F..%2Fy")
        XCTAssertEqual(transport.last?.query, [.init(name: "since", value: "1970-01-01T00:00:00Z"), .init(name: "limit", value: "5")])
        XCTAssertEqual(transport.last?.security, ["bearerAuth"])
    }

    func testAnswersOutsideTheDescription() async throws {
        let client = { Client(transport: Recorder(answer: $0)) }
        let input = Operations.ListThings.Input(userId: "1", kind: .a)
        let strange = HTTPResponse(status: 402)
        let other = try await client(strange).listThings(input)
        XCTAssertEqual(other, .undocumented(strange))
        let bare = try await client(HTTPResponse(status: 418)).listThings(input)
        XCTAssertEqual(bare, .http418)
        for broken in [HTTPResponse(status: 200, body: Data("<html>".utf8)), HTTPResponse(status: 200, body: Data("{}".utf8)), HTTPResponse(status: 429, body: Data(#"{"code":"x"}"#.utf8))] {
            do {
                _ = try await client(broken).listThings(input)
                XCTFail("took \(broken)")
            } catch {
                guard case .undocumented("listThings", broken) = error else { return XCTFail("\(error)") }
            }
        }
    }

    func testDescriptionsHideSecrets() {
        var request = HTTPRequest(operation: "login", method: "POST", path: "/x?key=secret")
        request.headers["Authorization"] = "Bearer secret"
        request.body = Data("secret".utf8)
        let response = HTTPResponse(status: 200, headers: ["set-cookie": "secret"], body: Data("secret".utf8))
        var dumped = "\(request)\(response)\(String(reflecting: request))\(ClientError.undocumented("x", response))"
        dump(request, to: &dumped)
        dump(response, to: &dumped)
        XCTAssertFalse(dumped.contains("secret"), dumped)
        XCTAssertTrue(dumped.contains("POST login"), dumped)
    }
}

private final class Recorder: Transport, @unchecked Sendable {
    private let answer: HTTPResponse
    private let mutex = NSLock()
    private var request: HTTPRequest?

    init(answer: HTTPResponse) { self.answer = answer }

    var last: HTTPRequest? { mutex.withLock { request } }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        mutex.withLock { self.request = request }
        return answer
    }
}
