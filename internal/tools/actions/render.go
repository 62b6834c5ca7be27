package main

import (
	"bytes"
	"embed"
	"go/format"
	"reflect"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var templates embed.FS

// view is a table as the templates read it: answers name their entry by its index, because
// most operations answer a status alike.
type view struct {
	table
	Entries []entry
}

// Index is the place of an entry in Entries.
func (v view) Index(e entry) int {
	for i := range v.Entries {
		if reflect.DeepEqual(v.Entries[i], e) {
			return i
		}
	}
	return -1
}

func viewOf(t table) view {
	v := view{table: t}
	for _, o := range t.Operations {
		for _, s := range o.Statuses {
			if v.Index(s.Entry) < 0 {
				v.Entries = append(v.Entries, s.Entry)
			}
		}
	}
	return v
}

// camel turns snake case into camel case, with a capital first letter where upper is set.
func camel(snake string, upper bool) string {
	parts := strings.Split(snake, "_")
	for i, p := range parts {
		if (i > 0 || upper) && p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

func execute(name string, t table) ([]byte, error) {
	functions := template.FuncMap{
		"upper": func(s string) string { return camel(s, true) },
		"lower": func(s string) string { return camel(s, false) },
	}
	parsed, err := template.New(name).Funcs(functions).ParseFS(templates, name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, viewOf(t))
	return out.Bytes(), err
}

func renderGo(t table) ([]byte, error) {
	source, err := execute("go.tmpl", t)
	if err != nil {
		return nil, err
	}
	return format.Source(source)
}

func renderTypeScript(t table) ([]byte, error) { return execute("typescript.tmpl", t) }

func renderSwift(t table) ([]byte, error) { return execute("swift.tmpl", t) }
