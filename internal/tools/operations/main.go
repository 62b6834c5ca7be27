// Command operations writes what the server needs of the spec at each start: the security, the extensions and the
// request body of each operation, references resolved, without texts for readers. It is a tenth of the spec.
//
//	go run -C internal/tools ./operations -spec ../../openapi.yaml -out ../server/operations.gen.json
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

type object = map[string]any

func main() {
	spec := flag.String("spec", "openapi.yaml", "the OpenAPI document")
	out := flag.String("out", "operations.gen.json", "the file to write")
	flag.Parse()
	if err := run(*spec, *out); err != nil {
		fmt.Fprintln(os.Stderr, "operations:", err)
		os.Exit(1)
	}
}

func run(spec, out string) error {
	text, err := os.ReadFile(spec)
	if err != nil {
		return err
	}
	var doc object
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	short, err := shorten(doc)
	if err != nil {
		return err
	}
	text, err = json.MarshalIndent(short, "", " ")
	if err != nil {
		return err
	}

	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// shorten returns the short document of a whole one.
func shorten(doc object) (object, error) {
	s := shortener{doc}
	paths := object{}
	for path, item := range child(doc, "paths") {
		operations := object{}
		for method, found := range item.(object) {
			op, is := found.(object)
			if !is || op["operationId"] == nil {
				continue
			}
			short, err := s.operation(op)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			operations[method] = short
		}
		paths[path] = operations
	}

	return object{
		"openapi": doc["openapi"], "info": object{"title": "What the server needs of openapi.yaml", "version": "1"},
		"security": doc["security"], "paths": paths,
	}, nil
}

// shortener resolves the references of a document.
type shortener struct{ doc object }

// operation keeps the id, the security, the extensions and the body.
func (s shortener) operation(op object) (object, error) {
	short := object{"responses": object{"default": object{"description": ""}}}
	for name, value := range op {
		if name == "operationId" || name == "security" || strings.HasPrefix(name, "x-") {
			short[name] = value
		}
	}
	if op["requestBody"] == nil {
		return short, nil
	}

	body, err := s.resolve(op["requestBody"])
	if err != nil {
		return nil, err
	}
	schema, err := s.schema(child(body, "content", "application/json")["schema"], 0)
	if err != nil {
		return nil, err
	}
	short["requestBody"] = object{
		"required": body["required"] == true,
		"content":  object{"application/json": object{"schema": schema}},
	}

	return short, nil
}

// forReaders are the members of a schema that decide nothing.
var forReaders = map[string]bool{"description": true, "example": true, "title": true, "x-order": true}

// schema resolves a schema and those within it.
func (s shortener) schema(value any, depth int) (object, error) {
	const deepest = 20
	if depth > deepest {
		return nil, errors.New("a schema contains itself")
	}
	full, err := s.resolve(value)
	if err != nil {
		return nil, err
	}

	short := object{}
	for name, value := range full {
		switch {
		case forReaders[name] || strings.HasPrefix(name, "x-go-"):
			continue
		case name == "properties":
			properties := object{}
			for property, inner := range value.(object) {
				if properties[property], err = s.schema(inner, depth+1); err != nil {
					return nil, err
				}
			}
			short[name] = properties
		case name == "items":
			if short[name], err = s.schema(value, depth+1); err != nil {
				return nil, err
			}
		case isScalar(value) || name == "required" || name == "enum":
			short[name] = value
		default:
			return nil, fmt.Errorf("this program does not know how to shorten %q of a schema", name)
		}
	}

	return short, nil
}

func isScalar(value any) bool {
	switch value.(type) {
	case object, []any:
		return false
	}

	return true
}

// resolve follows references within the document.
func (s shortener) resolve(value any) (object, error) {
	found, is := value.(object)
	if !is {
		return nil, fmt.Errorf("%v is no object", value)
	}
	reference, is := found["$ref"].(string)
	if !is {
		return found, nil
	}

	path, local := strings.CutPrefix(reference, "#/")
	if !local {
		return nil, fmt.Errorf("%s: a reference to another document", reference)
	}

	return s.resolve(child(s.doc, strings.Split(path, "/")...))
}

// child is the object at a path; nil where there is none.
func child(from object, path ...string) object {
	for _, name := range path {
		from, _ = from[name].(object)
	}

	return from
}
