package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"text/template"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed swift.tmpl
var source string

// What the template prints.
type (
	client struct {
		Title        string
		Declarations []declaration
		Operations   []operation
	}
	declaration struct {
		Name, Doc  string
		Alias      string
		Raw, Tag   string
		Fields     []field // a struct
		Values     []value // an open enum
		Variants   []value // a union, by the value of Tag
		Identifier bool    // an integer or a string
		described  string  // where it comes from, for refusals
		identifies string  // the Swift name that must be unique
	}
	field struct {
		Name, Wire, Type, Doc, Default string
	}
	value     struct{ Name, Wire, Type string }
	operation struct {
		Name, Type, Doc, Method, Path, Body string
		ID                                  string
		BodyOptional                        bool
		Params                              []parameter
		Security                            []string // one alternative each
		Statuses                            []status
	}
	parameter struct {
		field
		In string
	}
	status struct {
		Code, Name, Body, Doc string
		Headers               []field
	}
)

// generator walks a description and collects what it has to refuse.
type generator struct {
	doc      *openapi3.T
	refusals []error
}

func (g *generator) refuse(where, format string, args ...any) {
	g.refusals = append(g.refusals, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

// generate returns the Swift files by name, or everything that cannot be expressed.
func generate(doc *openapi3.T) (map[string][]byte, error) {
	g := &generator{doc: doc}
	c := client{Title: doc.Info.Title}
	if doc.Components != nil {
		for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
			c.Declarations = append(c.Declarations, g.declare(name, "schema "+name, doc.Components.Schemas[name])...)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		operations := doc.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			op, declarations := g.operate(path, method, operations[method])
			c.Operations = append(c.Operations, op)
			c.Declarations = append(c.Declarations, declarations...)
		}
	}
	g.collide(c)
	if len(g.refusals) > 0 {
		return nil, errors.Join(g.refusals...)
	}
	return render(c)
}

// collide refuses two declarations, operations or members whose Swift names are the same.
func (g *generator) collide(c client) {
	declared := map[string]string{}
	for _, d := range c.Declarations {
		unique(g, declared, d.Name, d.described)
		if taken[d.Name] {
			g.refuse(d.described, "the name %s means something else in Swift or in the runtime", d.Name)
		}
		members := map[string]string{}
		for _, f := range d.Fields {
			unique(g, members, f.Name, d.described+", member "+f.Wire)
		}
		for _, v := range append(slices.Clone(d.Values), d.Variants...) {
			unique(g, members, v.Name, d.described+", value "+v.Wire)
		}
	}
	called := map[string]string{}
	for _, o := range c.Operations {
		unique(g, called, o.Name, "operation "+o.ID)
		members := map[string]string{}
		if o.Body != "" {
			members["body"] = "the body of operation " + o.ID
		}
		for _, p := range o.Params {
			unique(g, members, p.Name, "operation "+o.ID+", parameter "+p.Wire)
		}
	}
}

func unique(g *generator, seen map[string]string, name, where string) {
	if other, ok := seen[name]; ok {
		g.refuse(where, "its Swift name %s is also that of %s", name, other)
	}
	seen[name] = where
}

func render(c client) (map[string][]byte, error) {
	functions := template.FuncMap{"doc": comment, "quote": strconv.Quote, "path": interpolate}
	t, err := template.New("").Funcs(functions).Parse(source)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range []string{"Schemas", "Operations"} {
		var b bytes.Buffer
		if err := t.ExecuteTemplate(&b, name, c); err != nil {
			return nil, err
		}
		files[name+".swift"] = b.Bytes()
	}
	return files, nil
}
