package main

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGenerate_isTheGoldenFiles(t *testing.T) {
	for _, c := range []struct{ description, golden string }{
		{"testdata/edge.yaml", "../../../clients/swift/Tests/EdgeAPITests"},
		{"../../../openapi.yaml", "../../../clients/swift/Sources/LatchkeyAPI"},
	} {
		doc, err := load(c.description)
		if err != nil {
			t.Fatal(err)
		}
		files, err := generate(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			path := filepath.Join(c.golden, name)
			if *update {
				if err := os.WriteFile(path, files[name], 0o644); err != nil { //nolint:gosec // sources are for everybody
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != string(files[name]) {
				t.Errorf("%s is not what %s makes: run make generate (golden files: go test -update)", path, c.description)
			}
		}
	}
}

func TestRun_writesBothFiles(t *testing.T) {
	dir := t.TempDir()
	if err := run("testdata/edge.yaml", dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Schemas.swift", "Operations.swift"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// frame is a description around one schema and one operation.
const frame = `
openapi: 3.0.3
info: {title: Refused, version: "1"}
paths:
  /things/{id}:
    post:
      operationId: makeThing
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        PARAMETER
      requestBody: BODY
      responses:
        RESPONSE
components:
  schemas:
    Cat: {type: object, properties: {kind: {type: string}, lives: {type: integer}}}
    Dog: {type: object, properties: {kind: {type: string}, lives: {type: string}}}
    SCHEMA
`

var plain = map[string]string{
	"PARAMETER": "", "BODY": `{required: true, content: {application/json: {schema: {type: object}}}}`,
	"RESPONSE": `"204": {description: done}`, "SCHEMA": `Thing: {type: object, properties: {name: {type: string}}}`,
}

func TestGenerate_refusesByName(t *testing.T) {
	for _, c := range []struct{ name, part, yaml, says string }{
		{"oneOf without a discriminator", "SCHEMA", `Pet: {oneOf: [{$ref: "#/components/schemas/Cat"}]}`, "schema Pet: oneOf needs a discriminator with a full mapping"},
		{"oneOf with half a mapping", "SCHEMA", `Pet: {oneOf: [{$ref: "#/components/schemas/Cat"}, {$ref: "#/components/schemas/Dog"}], discriminator: {propertyName: kind, mapping: {cat: "#/components/schemas/Cat"}}}`, "schema Pet: oneOf needs"},
		{"anyOf", "SCHEMA", `Pet: {anyOf: [{$ref: "#/components/schemas/Cat"}]}`, "schema Pet: anyOf and not"},
		{"default response", "RESPONSE", `default: {description: any}`, "operation makeThing: list each status; a default"},
		{"range of statuses", "RESPONSE", `4XX: {description: any}`, "operation makeThing, status 4XX: list each status; a range"},
		{"query array", "PARAMETER", `- {name: ids, in: query, schema: {type: array, items: {type: string}}}`, "operation makeThing, parameter ids: query parameters must be single values"},
		{"cookie", "PARAMETER", `- {name: crumb, in: cookie, schema: {type: string}}`, "operation makeThing, parameter crumb: cookies"},
		{"form body", "BODY", `{required: true, content: {application/x-www-form-urlencoded: {schema: {type: object}}}}`, "operation makeThing, request body: only application/json is supported, not application/x-www-form-urlencoded"},
		{"text answer", "RESPONSE", `"200": {description: ok, content: {text/plain: {schema: {type: string}}}}`, "operation makeThing, status 200: only application/json"},
		{"two members with one name", "SCHEMA", `Thing: {type: object, properties: {user_id: {type: string}, userId: {type: string}}}`, "its Swift name userId is also that of"},
		{"two values with one name", "SCHEMA", `Kind: {type: string, enum: ["a-b", "a_b"]}`, "its Swift name aB is also that of"},
		{"two schemas with one name", "SCHEMA", `cat: {type: object, properties: {name: {type: string}}}`, "its Swift name Cat is also that of"},
		{"a schema called Error", "SCHEMA", `Error: {type: object, properties: {code: {type: string}}}`, "schema Error: the name Error means something else"},
		{"a schema called Type", "SCHEMA", `Type: {type: string, enum: [a, b]}`, "schema Type: the name Type means something else"},
		{"allOf that contradicts itself", "SCHEMA", `Both: {allOf: [{$ref: "#/components/schemas/Cat"}, {$ref: "#/components/schemas/Dog"}]}`, "schema Both: allOf: member lives is described in two ways"},
		{"bytes", "SCHEMA", `Blob: {type: string, format: binary}`, "schema Blob: bytes (format binary)"},
		{"a parameter called body", "PARAMETER", `- {name: body, in: query, schema: {type: string}}`, "its Swift name body is also that of the body of operation makeThing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := frame
			for part, usual := range plain {
				if part == c.part {
					usual = c.yaml
				}
				text = strings.Replace(text, part, usual, 1)
			}
			doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = generate(doc); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a refusal that says %q", err, c.says)
			}
		})
	}
}

func TestGenerate_takesTheFrameItself(t *testing.T) {
	text := frame
	for part, usual := range plain {
		text = strings.Replace(text, part, usual, 1)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := generate(doc); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for given, want := range map[string]string{
		"user_id": "userId", "Retry-After": "retryAfter", "two words": "twoWords", "URLPath": "urlPath",
		"default": "`default`", "X-Device-Name": "xDeviceName", "404": "_404",
	} {
		if got := lower(given); got != want {
			t.Errorf("lower(%q) is %q, want %q", given, got, want)
		}
	}
	if got, want := interpolate("/users/{user_id}/x"), `"/users/\(percentEncoded(input.userId))/x"`; got != want {
		t.Errorf("interpolate is %s, want %s", got, want)
	}
}
