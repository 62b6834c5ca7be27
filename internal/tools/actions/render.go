package main

import (
	"bytes"
	"embed"
	"errors"
	"go/format"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var templates embed.FS

// below is the path that most operations are below. TypeScript's table leaves it out.
const below = "/_allauth/app/v1/"

// view is a table as the templates read it: answers name their entry by its index, because
// most operations answer a status alike.
type view struct {
	table
	Entries []entry

	// Answers are the different pairs of status and entry.
	Answers []status
}

// Below is the path that Short leaves out.
func (v view) Below() string { return below }

// Short returns a path without the prefix that most have.
func (v view) Short(path string) string { return strings.TrimPrefix(path, below) }

// ByPath returns the operations in the order of their paths, which compresses best.
func (v view) ByPath() []answers {
	sorted := slices.Clone(v.Operations)
	slices.SortStableFunc(sorted, func(a, b answers) int { return strings.Compare(a.Path, b.Path) })

	return sorted
}

// Digits names the answers of an operation by their places in Answers, a digit each.
func (v view) Digits(o answers) (string, error) {
	var digits strings.Builder

	for _, s := range o.Statuses {
		place := slices.IndexFunc(v.Answers, func(other status) bool { return reflect.DeepEqual(other, s) })
		if place >= 36 {
			return "", errors.New("there are more different answers than digits of base 36")
		}
		digits.WriteString(strconv.FormatInt(int64(place), 36))
	}

	return digits.String(), nil
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
			if !slices.ContainsFunc(v.Answers, func(other status) bool { return reflect.DeepEqual(other, s) }) {
				v.Answers = append(v.Answers, s)
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
