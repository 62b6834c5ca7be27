// Command swiftgen writes the Swift client's generated half from an OpenAPI 3.0 description:
// one value type for each schema, and for each operation an Input and an Output with one case
// for each documented status. What it cannot express faithfully it refuses, by name.
//
//	swiftgen openapi.yaml clients/swift/Sources/LatchkeyAPI
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: swiftgen openapi.yaml directory")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "swiftgen:", err)
		os.Exit(1)
	}
}

func run(description, directory string) error {
	doc, err := load(description)
	if err != nil {
		return err
	}
	files, err := generate(doc)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(directory, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func load(path string) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true // the order of members is that of the lines
	doc, err := loader.LoadFromFile(path)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background(), openapi3.DisableExamplesValidation())
}
