package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// words are the actions that the clients know how to do. A new one needs code in each.
var words = []string{"proceed", "continue_flow", "refresh", "reauthenticate", "sign_out", "show", "wait", "reread", "retry"}

// facts are what a rule may ask about an answer. A new one needs code in each client.
var facts = []string{"flow_pending", "is_authenticated", "bearer_sent"}

var methods = []string{"get", "put", "post", "delete", "patch"}

// listed finds the words of a description that stand in backquotes.
var listed = regexp.MustCompile("`([a-z_]+)`")

// entry says what to do with one status of one operation.
type entry struct {
	Default string            `yaml:"default"`
	Codes   map[string]string `yaml:"codes"` // problem code → action
	Rules   string            `yaml:"rules"` // name of a list of rules
}

// UnmarshalYAML takes a word for an entry that is only a default.
func (e *entry) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		e.Default = n.Value
		return nil
	}
	type plain entry
	return n.Decode((*plain)(e))
}

type rule struct {
	When string `yaml:"when"`
	Then string `yaml:"then"`
}

type response struct {
	Ref    string `yaml:"$ref"`
	Action *entry `yaml:"x-client-action"`
}

type operation struct {
	ID        string              `yaml:"operationId"`
	Action    map[string]entry    `yaml:"x-client-action"`
	Responses map[string]response `yaml:"responses"`
}

type document struct {
	Actions    map[string]string               `yaml:"x-client-actions"`
	Rules      map[string]yaml.Node            `yaml:"x-client-rules"`
	Paths      map[string]map[string]yaml.Node `yaml:"paths"`
	Components struct {
		Responses map[string]response `yaml:"responses"`
		Schemas   struct {
			Problem struct {
				Properties struct {
					Code struct {
						Description string `yaml:"description"`
					} `yaml:"code"`
				} `yaml:"properties"`
			} `yaml:"Problem"`
		} `yaml:"schemas"`
	} `yaml:"components"`
}

// table is what the clients get.
type table struct {
	Words        []word
	Rules        map[string][]rule
	Undocumented string
	Operations   []answers // by id
	Codes        []string  // of problems, as the description of Problem.code lists them
}

type word struct{ Name, Meaning string }

// answers are the documented statuses of one operation.
type answers struct {
	ID, Method, Path string
	Statuses         []status
}

type status struct {
	Code  int
	Entry entry
}

// read builds the table, and reports all mistakes of the spec together.
func read(text []byte) (table, error) {
	var d document
	if err := yaml.Unmarshal(text, &d); err != nil {
		return table{}, err
	}
	t := table{Rules: map[string][]rule{}}
	var mistakes []error
	for _, w := range words {
		meaning := strings.Join(strings.Fields(d.Actions[w]), " ")
		if meaning == "" {
			mistakes = append(mistakes, fmt.Errorf("x-client-actions does not say what %s means", w))
		}
		t.Words = append(t.Words, word{w, meaning})
		delete(d.Actions, w)
	}
	for w := range d.Actions {
		mistakes = append(mistakes, fmt.Errorf("x-client-actions has %s, which no client knows", w))
	}
	mistakes = append(mistakes, t.readRules(d)...)
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		mistakes = append(mistakes, t.readPath(d, path)...)
	}
	if len(t.Operations) == 0 {
		mistakes = append(mistakes, errors.New("no operations"))
	}
	for _, code := range listed.FindAllStringSubmatch(d.Components.Schemas.Problem.Properties.Code.Description, -1) {
		t.Codes = append(t.Codes, code[1])
	}
	slices.SortFunc(t.Operations, func(a, b answers) int { return strings.Compare(a.ID, b.ID) })
	return t, errors.Join(mistakes...)
}

func (t *table) readRules(d document) (mistakes []error) {
	for name, node := range d.Rules {
		if name == "undocumented" {
			t.Undocumented = node.Value
			continue
		}
		var list []rule
		if err := node.Decode(&list); err != nil {
			mistakes = append(mistakes, fmt.Errorf("x-client-rules.%s: %w", name, err))
		}
		for _, r := range list {
			if !slices.Contains(facts, r.When) {
				mistakes = append(mistakes, fmt.Errorf("x-client-rules.%s asks for %q, which no client knows", name, r.When))
			}
			mistakes = append(mistakes, known("x-client-rules."+name, r.Then))
		}
		t.Rules[name] = list
	}
	return append(mistakes, known("x-client-rules.undocumented", t.Undocumented))
}

func (t *table) readPath(d document, path string) (mistakes []error) {
	for _, method := range methods {
		node, ok := d.Paths[path][method]
		if !ok {
			continue
		}
		var o operation
		if err := node.Decode(&o); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s %s: %w", method, path, err))
			continue
		}
		if o.ID == "" {
			mistakes = append(mistakes, fmt.Errorf("%s %s has no operationId", method, path))
		}
		a := answers{ID: o.ID, Method: strings.ToUpper(method), Path: path}
		for _, key := range slices.Sorted(maps.Keys(o.Responses)) {
			e, errs := t.entryOf(d, o, key)
			mistakes = append(mistakes, errs...)
			code, err := strconv.Atoi(key)
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("%s %s: a client needs a status", o.ID, key))
			}
			a.Statuses = append(a.Statuses, status{code, e})
		}
		for key := range o.Action {
			if _, ok := o.Responses[key]; !ok {
				mistakes = append(mistakes, fmt.Errorf("%s has an action for %s, which is none of its answers", o.ID, key))
			}
		}
		t.Operations = append(t.Operations, a)
	}
	return mistakes
}

// entryOf is the operation's entry for a status, or else the answer's.
func (t *table) entryOf(d document, o operation, key string) (entry, []error) {
	where := o.ID + " " + key
	e, ok := o.Action[key]
	if !ok {
		r := o.Responses[key]
		if name, isRef := strings.CutPrefix(r.Ref, "#/components/responses/"); isRef {
			r = d.Components.Responses[name]
		}
		if r.Action == nil {
			return entry{}, []error{fmt.Errorf("%s has no x-client-action", where)}
		}
		e = *r.Action
	}
	mistakes := []error{known(where, e.Default)}
	for code, action := range e.Codes {
		mistakes = append(mistakes, known(where+" "+code, action))
	}
	if _, ok := t.Rules[e.Rules]; e.Rules != "" && !ok {
		mistakes = append(mistakes, fmt.Errorf("%s follows the rules %q, which x-client-rules has not", where, e.Rules))
	}
	return e, mistakes
}

func known(where, action string) error {
	if !slices.Contains(words, action) {
		return fmt.Errorf("%s: unknown action %q", where, action)
	}
	return nil
}
