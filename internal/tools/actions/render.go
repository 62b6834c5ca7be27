package main

import (
	"bytes"
	"embed"
	"go/format"
	"maps"
	"reflect"
	"slices"
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

// protocol is where most operations are; the others are named by their whole path.
const protocol = "/_allauth/app/v1/"

// Prefix is where the operations are whose paths are shortened.
func (v view) Prefix() string { return protocol }

// Usual says what most operations do with each status.
func (v view) Usual() []status {
	counts := map[int]map[int]int{}
	for _, o := range v.Operations {
		for _, s := range o.Statuses {
			if counts[s.Code] == nil {
				counts[s.Code] = map[int]int{}
			}
			counts[s.Code][v.Index(s.Entry)]++
		}
	}
	var usual []status
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		best := -1
		for _, index := range slices.Sorted(maps.Keys(counts[code])) {
			if best < 0 || counts[code][index] > counts[code][best] {
				best = index
			}
		}
		usual = append(usual, status{code, v.Entries[best]})
	}
	return usual
}

// Special says where operations differ from that. An operation whose codes may end a session has
// all statuses, those that the spec does not name as well: only what is documented ends one.
func (v view) Special() []answers {
	var special []answers
	for _, o := range v.Operations {
		var own []status
		for _, u := range v.Usual() {
			i := slices.IndexFunc(o.Statuses, func(s status) bool { return s.Code == u.Code })
			switch {
			case i < 0 && o.decidesByCode():
				own = append(own, status{Code: u.Code})
			case i >= 0 && v.Index(o.Statuses[i].Entry) != v.Index(u.Entry):
				own = append(own, o.Statuses[i])
			}
		}
		if own != nil {
			o.ID = o.Method + " " + strings.TrimPrefix(o.Path, protocol)
			o.Statuses = own
			special = append(special, o)
		}
	}
	return special
}

func (a answers) decidesByCode() bool {
	return slices.ContainsFunc(a.Statuses, func(s status) bool { return s.Entry.Codes != nil })
}

// Ends are the codes that end a session.
func (v view) Ends() []string {
	ends := map[string]bool{}
	for _, e := range v.Entries {
		for code, action := range e.Codes {
			if action == "sign_out" {
				ends[code] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(ends))
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
