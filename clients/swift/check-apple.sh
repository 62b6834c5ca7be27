#!/bin/sh
# Compiles the client as on iOS, on Linux: with stubs of Apple's interfaces (AppleStubs), so that
# the files which only Apple's SDK compiles are read by the compiler in CI, too. It finds what does not
# fit together (isolation, Sendable, overloads, typed throws); names and availability are as good as
# the stubs are. Then it runs AppleChecks: what those files ask of the system, and what they make of its
# answers. Run by toolchain.sh, in clients/swift.
set -eu
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

modules="Security LocalAuthentication AuthenticationServices Network Combine"
for module in $modules; do
	swiftc -emit-module -c -parse-as-library -swift-version 5 -module-name "$module" \
		-emit-module-path "$work/$module.swiftmodule" -o "$work/$module.o" "AppleStubs/$module.swift"
done

# The compiler runs on Linux: sed makes the sources those of iOS, and leaves Objective-C's names out.
for module in LatchkeyAPI Latchkey LatchkeyTesting; do
	mkdir "$work/$module.src"
	for file in "Sources/$module"/*.swift; do
		sed -e '/^#if\|^        #if\|^    #if/s/os(iOS)/true/' -e '/^ *@objc(/d' "$file" >"$work/$module.src/${file##*/}"
	done
done
cp AppleStubs/Additions.swift "$work/Latchkey.src"

options="-parse-as-library -swift-version 6 -enable-upcoming-feature ExistentialAny -package-name latchkey -I $work"
for module in LatchkeyAPI Latchkey LatchkeyTesting; do
	# shellcheck disable=SC2086
	swiftc -emit-module -c -wmo -Onone -warnings-as-errors $options -module-name "$module" \
		-emit-module-path "$work/$module.swiftmodule" -o "$work/$module.o" "$work/$module.src"/*.swift
done

# The code of README.md, also what is for Apple's systems.
mkdir "$work/Snippets.src"
sed -e '/^#if/s/os(iOS)/true/' Tests/ReadmeTests/Snippets.swift >"$work/Snippets.src/Snippets.swift"
# shellcheck disable=SC2086
swiftc -typecheck $options -warnings-as-errors -module-name Snippets "$work/Snippets.src/Snippets.swift"
echo "the files for Apple's systems type-check"

# The library Observation of Swift 6.0 lacks a symbol on Linux, which nothing here calls.
# shellcheck disable=SC2086
swiftc $options -warnings-as-errors -module-name AppleChecks -Xlinker --allow-shlib-undefined \
	-o "$work/checks" AppleChecks/Checks.swift "$work"/*.o
"$work/checks"
