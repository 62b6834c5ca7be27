// Command actions turns the x-client-action entries of openapi.yaml into one table per
// client: what to do with each answer of each operation.
//
//	go run -C internal/tools ./actions -spec ../../openapi.yaml -root ../..
//
// It owns the check that every answer has an entry whose words are known. What an action
// means is said in the spec (x-client-actions), and done by each client's session manager.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// outputs are the tables, relative to the root of the repository.
var outputs = []struct {
	path   string
	render func(table) ([]byte, error)
}{
	{"clients/go/latchkey/actions.gen.go", renderGo},
	{"clients/typescript/src/generated-actions/actions.gen.ts", renderTypeScript},
	{"clients/swift/Sources/LatchkeyAPI/Actions.swift", renderSwift},
}

func main() {
	spec := flag.String("spec", "openapi.yaml", "the OpenAPI document")
	root := flag.String("root", ".", "directory that holds clients/")
	flag.Parse()
	if err := run(*spec, *root); err != nil {
		fmt.Fprintln(os.Stderr, "actions:", err)
		os.Exit(1)
	}
}

// run reads the spec and writes all tables, or none where the spec is wrong.
func run(spec, root string) error {
	text, err := os.ReadFile(spec)
	if err != nil {
		return err
	}
	t, err := read(text)
	if err != nil {
		return err
	}
	for _, o := range outputs {
		source, err := o.render(t)
		if err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		path := filepath.Join(root, o.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, source, 0o644); err != nil { //nolint:gosec // source code, not a secret
			return err
		}
	}
	return nil
}
