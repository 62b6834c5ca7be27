// swift-tools-version: 6.0
import PackageDescription

// The Swift client for apps, which add this repository by its URL: SwiftPM takes no package from a
// folder of a repository. Its tests and tools are in clients/swift/Package.swift.
let settings: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

let package = Package(
    name: "Latchkey",
    platforms: [.iOS(.v15), .macOS(.v12), .watchOS(.v8), .tvOS(.v15), .visionOS(.v1)],
    products: [
        .library(name: "Latchkey", targets: ["Latchkey", "LatchkeyAPI"]),
        .library(name: "LatchkeyTesting", targets: ["LatchkeyTesting"]),
    ],
    targets: [
        .target(name: "LatchkeyAPI", path: "clients/swift/Sources/LatchkeyAPI", swiftSettings: settings),
        .target(name: "Latchkey", dependencies: ["LatchkeyAPI"], path: "clients/swift/Sources/Latchkey", swiftSettings: settings),
        .target(
            name: "LatchkeyTesting", dependencies: ["Latchkey"], path: "clients/swift/Sources/LatchkeyTesting", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
