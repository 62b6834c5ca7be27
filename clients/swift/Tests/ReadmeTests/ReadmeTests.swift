import Foundation
import XCTest

final class ReadmeTests: XCTestCase {
    /// Every block of Swift in README.md stands in Snippets.swift, which the compiler reads.
    func testTheCodeOfTheReadmeIsCompiled() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let snippets = try String(contentsOf: here.appendingPathComponent("Snippets.swift"), encoding: .utf8)
        let readme = try String(contentsOf: here.appendingPathComponent("../../README.md"), encoding: .utf8)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
        XCTAssertGreaterThan(blocks.count, 5)
        for part in blocks.flatMap({ $0.components(separatedBy: "\n\n") }) {
            XCTAssertTrue(snippets.contains(part), "not in Snippets.swift:\n\(part)")
        }
    }
}
