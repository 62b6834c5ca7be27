// swift-tools-version: 6.0
import PackageDescription

// For work on the client itself. Apps add the repository by its URL: the Package.swift at its root
// has the products that they need.
//
// Warnings are errors in our own builds only (test.sh): unsafe flags here would keep other
// packages from depending on this one.
let settings: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

let package = Package(
    name: "Latchkey",
    platforms: [.iOS(.v15), .macOS(.v12), .watchOS(.v8), .tvOS(.v15), .visionOS(.v1)],
    products: [
        .library(name: "Latchkey", targets: ["Latchkey", "LatchkeyAPI"]),
        .library(name: "LatchkeyTesting", targets: ["LatchkeyTesting"]),
        .executable(name: "latchkey-tour", targets: ["latchkey-tour"]),
        .executable(name: "latchkey-conformance", targets: ["latchkey-conformance"]),
    ],
    targets: [
        .target(name: "LatchkeyAPI", swiftSettings: settings),
        .target(name: "Latchkey", dependencies: ["LatchkeyAPI"], swiftSettings: settings),
        .target(name: "LatchkeyTesting", dependencies: ["Latchkey"], swiftSettings: settings),
        .executableTarget(name: "latchkey-tour", dependencies: ["Latchkey"], swiftSettings: settings),
        .executableTarget(name: "latchkey-conformance", dependencies: ["Latchkey"], swiftSettings: settings),
        .testTarget(name: "LatchkeyAPITests", dependencies: ["LatchkeyAPI"], swiftSettings: settings),
        // The runtime again, with what swiftgen makes of an awkward description.
        .testTarget(name: "EdgeAPITests", swiftSettings: settings),
        .testTarget(name: "LatchkeyTests", dependencies: ["Latchkey", "LatchkeyTesting"], swiftSettings: settings),
        .testTarget(name: "ReadmeTests", dependencies: ["Latchkey", "LatchkeyTesting"], swiftSettings: settings),
        .testTarget(name: "LatchkeyLiveTests", dependencies: ["Latchkey"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
