#!/bin/sh
# Adds this repository to a new package by its URL, as Xcode does, and builds a program with it: the
# Package.swift at the root, of what is committed. The clone is made here, since a toolchain in a
# chroot sees no worktree's .git; swift itself is run by toolchain.sh.
set -eu
cd "$(dirname "$0")"

git rev-parse --git-dir >/dev/null 2>&1 || { echo "left out: the package by its URL needs a clone of the repository"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

git init -q --bare "$work/latchkey.git"
git push -q "$work/latchkey.git" HEAD:refs/heads/main HEAD:refs/tags/1.0.0
mkdir -p "$work/app/Sources/app"
cat >"$work/app/Package.swift" <<END
// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "app",
    platforms: [.iOS(.v15), .macOS(.v12)],
    dependencies: [.package(url: "file://$work/latchkey.git", from: "1.0.0")],
    targets: [.executableTarget(name: "app", dependencies: [
        .product(name: "Latchkey", package: "latchkey"), .product(name: "LatchkeyTesting", package: "latchkey"),
    ])]
)
END
cat >"$work/app/Sources/app/main.swift" <<'END'
import Latchkey
import LatchkeyTesting

var options = SessionOptions()
options.transport = FakeServer()
let session = try Session(server: FakeServer.url, store: MemoryTokenStore(), options: options)
if case .signedIn(let user) = try await session.signIn(email: "ada@example.com", password: "correct horse battery staple") {
    print("by its URL: hello \(user.display)")
}
END
TMPDIR=$work ./toolchain.sh swift run -q --package-path "$work/app" --scratch-path "$work/build" app
