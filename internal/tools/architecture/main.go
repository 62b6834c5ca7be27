// Command architecture draws the layers of the server, and lists what each package owns, on docs/architecture.md.
//
//	go run -C internal/tools ./architecture -root ../..
//
// The layers are those that internal/house_test.go allows, and the sentences are the first of each package's own
// documentation: a page that is written by hand would be wrong after the next change.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	rules   = "internal/house_test.go"
	page    = "docs/architecture.md"
	drawing = "docs/architecture.svg"
	begins  = "<!-- packages: made by internal/tools/architecture -->\n"
	ends    = "<!-- end of packages -->\n"
)

func main() {
	root := flag.String("root", ".", "directory of the repository")
	flag.Parse()

	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string) error {
	layers, err := readLayers(filepath.Join(root, rules))
	if err != nil {
		return err
	}

	packages, err := describe(root, layers)
	if err != nil {
		return err
	}

	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return err
	}
	text, err = replace(text, list(layers, packages))
	if err != nil {
		return err
	}

	if err := os.WriteFile(filepath.Join(root, page), text, 0o644); err != nil { //nolint:gosec // a page, not a secret
		return err
	}

	return os.WriteFile(filepath.Join(root, drawing), draw(layers), 0o644) //nolint:gosec // a picture
}

// replace puts a list between the two marks of the page.
func replace(text, list []byte) ([]byte, error) {
	before, rest, begun := bytes.Cut(text, []byte(begins))
	_, after, ended := bytes.Cut(rest, []byte(ends))
	if !begun || !ended {
		return nil, errors.New(page + " has not the two marks of the list")
	}

	return slices.Concat(before, []byte(begins), list, []byte(ends), after), nil
}

// readLayers reads the variable that says which package may import which: the lowest layer comes first.
func readLayers(path string) ([][]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}

	var layers [][]string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, isSpec := n.(*ast.ValueSpec)
		if !isSpec || layers != nil || len(spec.Names) != 1 || spec.Names[0].Name != "layers" {
			return true
		}

		for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			var layer []string
			for _, element := range row.(*ast.CompositeLit).Elts {
				name, _ := strconv.Unquote(element.(*ast.BasicLit).Value)
				layer = append(layer, name)
			}
			layers = append(layers, layer)
		}

		return false
	})
	if layers == nil {
		return nil, fmt.Errorf("%s has no variable layers", path)
	}

	return layers, nil
}

// describe reads the first sentence of each package's documentation.
func describe(root string, layers [][]string) (map[string]string, error) {
	sentences := map[string]string{}
	for _, layer := range layers {
		for _, name := range layer {
			folder := filepath.Join(root, name)
			if name == "main" {
				folder = root
			}

			sentence, err := firstSentence(folder)
			if err != nil {
				return nil, err
			}
			sentences[name] = sentence
		}
	}

	return sentences, nil
}

func firstSentence(folder string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return "", err
	}

	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}

		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", err
		}
		if file.Doc == nil {
			continue
		}

		text := strings.Join(strings.Fields(file.Doc.Text()), " ")
		sentence, _, _ := strings.Cut(text, ". ")

		return strings.TrimSuffix(sentence, ".") + ".", nil
	}

	return "", nil
}
