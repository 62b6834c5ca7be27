package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// testdata is where the recorded answers stand, for the clients to decode.
const testdata = "../../clients/testdata"

// samples are the answers of this run that become clients/testdata.
var samples = newSampler(testdata)

type sampler struct {
	dir  string
	mu   sync.Mutex
	seen map[string]*sampled // "operationId.status"
}

// sampled is what a run has seen of one operation and status.
type sampled struct {
	schema *openapi3.Schema
	best   sample          // the answer with the most members
	always map[string]bool // the members that every answer had
}

// sample is an answer without what differs from run to run.
type sample struct {
	members []string // "data.flows[].id string"
	text    []byte
}

func newSampler(dir string) *sampler { return &sampler{dir: dir, seen: map[string]*sampled{}} }

// add notes an answer. What the document does not describe member by member, such as the
// document itself, is no sample: there is nothing to decode.
func (s *sampler) add(op *openapi3.Operation, status int, body []byte) {
	documented := op.Responses.Status(status)
	if documented == nil {
		return
	}
	media := documented.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil || len(media.Schema.Value.Properties) == 0 {
		return
	}
	found, err := newSample(body)
	if err != nil {
		return // the check of the answer says so
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%s.%d", op.OperationID, status)
	have := s.seen[key]
	if have == nil {
		have = &sampled{schema: media.Schema.Value, best: found, always: map[string]bool{}}
		s.seen[key] = have
		for _, m := range found.members {
			have.always[m] = true
		}
	}
	if found.before(have.best) {
		have.best = found
	}
	maps.DeleteFunc(have.always, func(m string, _ bool) bool { return !slices.Contains(found.members, m) })
}

func newSample(body []byte) (sample, error) {
	value, err := decoded(body)
	if err != nil {
		return sample{}, err
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(settled("", value))
	return sample{members: membersOf(value), text: text.Bytes()}, err
}

func decoded(body []byte) (any, error) {
	var value any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err := d.Decode(&value)
	return value, err
}

// before: more members first, so that tests may run in any order; the text decides between
// equals.
func (a sample) before(b sample) bool {
	if len(a.members) != len(b.members) {
		return len(a.members) > len(b.members)
	}
	if n := slices.Compare(a.members, b.members); n != 0 {
		return n < 0
	}
	return bytes.Compare(a.text, b.text) < 0
}

// membersOf lists a value's members and their kinds, those of all elements of a list together.
func membersOf(value any) []string {
	found := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			found[at+" object"] = true
			for name, member := range v {
				walk(strings.TrimPrefix(at+"."+name, "."), member)
			}
		case []any:
			found[at+" list"] = true
			for _, entry := range v {
				walk(at+"[]", entry)
			}
		default:
			found[fmt.Sprintf("%s %T", at, v)] = true
		}
	}
	walk("", value)
	return slices.Sorted(maps.Keys(found))
}

// finish compares the files with what this run has seen, and returns what is wrong; with
// UPDATE_TESTDATA=1 it writes those anew that are wrong or have fewer members than an answer
// of this run. Only a run of all tests has seen enough.
func (s *sampler) finish() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return []string{err.Error()}
	}
	if os.Getenv("UPDATE_TESTDATA") == "1" {
		return s.write(files)
	}
	return s.compare(files)
}

func keyOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".json") }

func (s *sampler) write(files []string) []string {
	var wrong []string
	note := func(err error) {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	kept := map[string]bool{}
	for _, path := range files {
		members, err := s.judge(path)
		if have := s.seen[keyOf(path)]; err == nil && len(members) >= len(have.best.members) {
			kept[keyOf(path)] = true // as good: no reason for a new text
			continue
		}
		note(os.Remove(path))
	}
	for key, have := range s.seen {
		if !kept[key] {
			note(os.WriteFile(filepath.Join(s.dir, key+".json"), have.best.text, 0o644))
		}
	}
	return wrong
}

func (s *sampler) compare(files []string) []string {
	var wrong []string
	there := map[string]bool{}
	for _, path := range files {
		there[keyOf(path)] = true
		if _, err := s.judge(path); err != nil {
			wrong = append(wrong, keyOf(path)+": "+err.Error())
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.seen)) {
		if !there[key] {
			wrong = append(wrong, key+": no such file")
		}
	}
	if len(wrong) > 0 {
		wrong = append(wrong, "UPDATE_TESTDATA=1 go test -C internal/e2e . writes them anew")
	}
	return wrong
}

// judge says what is stale in a file: an answer that no test gets, a member that the
// document does not have (any more), or one that is missing although every answer of this
// run has it. Which members that are optional an answer has differs from run to run: tests
// race, and some kill servers at random.
func (s *sampler) judge(path string) (members []string, err error) {
	have := s.seen[keyOf(path)]
	if have == nil {
		return nil, errors.New("no test gets that answer any more")
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var plain any
	if err := json.Unmarshal(body, &plain); err != nil {
		return nil, err
	}
	if err := have.schema.VisitJSON(plain); err != nil {
		return nil, fmt.Errorf("it is not as the document says: %w", err)
	}
	value, err := decoded(body)
	if err != nil {
		return nil, err
	}
	members = membersOf(value)
	for _, m := range slices.Sorted(maps.Keys(have.always)) {
		if !slices.Contains(members, m) {
			return nil, fmt.Errorf("every answer has %s now", m)
		}
	}
	return members, nil
}

// operation is one of the tests' own, stricter document.
func (c *contract) operation(path string) *openapi3.Operation { return c.doc.Paths.Value(path).Get }

const flows = `{"status":401,"data":{"flows":[{"id":"login"}]},"meta":{"is_authenticated":false}}`

func TestSample_theRichestAnswerWins(t *testing.T) {
	t.Parallel()
	s := newSampler(t.TempDir())
	op := spec.operation(sessionPath)
	for _, body := range []string{
		`{"status":401,"data":{"flows":[]},"meta":{"is_authenticated":false}}`,
		strings.Replace(flows, `[`, `[{"id":"signup","is_pending":true},`, 1),
		flows,
		strings.Replace(flows, `"login"`, `"b","is_pending":true`, 1),
	} {
		s.add(op, 401, []byte(body))
	}
	s.add(op, 418, []byte(`{"status":418}`))
	if have := s.seen["getSession.401"]; len(s.seen) != 1 || !strings.Contains(string(have.best.text), `"id": "b"`) || have.always["data.flows[].id string"] || !have.always["data.flows list"] {
		t.Errorf("%s %v", have.best.text, have.always)
	}
	s.add(spec.operation("/openapi.json"), 200, []byte(`{"openapi":"3.0.3"}`))
	if len(s.seen) != 1 {
		t.Error("the document itself was recorded")
	}
}

func TestSample_filesThatAreStaleAreTold(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string { return strings.Replace(flows, old, new, 1) }
	for name, c := range map[string]struct{ file, text, says string }{
		"nothing":                  {"getSession.401", flows, ""},
		"another value":            {"getSession.401", change("login", "signup"), ""},
		"more, as documented":      {"getSession.401", change(`"login"`, `"login","is_pending":true`), ""},
		"a required member less":   {"getSession.401", `{"status":401}`, "getSession.401: it is not as the document says"},
		"a usual member less":      {"getSession.401", change(`{"id":"login"}`, ``), "getSession.401: every answer has data.flows[] object now"},
		"a member that is gone":    {"getSession.401", change(`"login"`, `"login","was":1`), "getSession.401: it is not as the document says"},
		"a member of another kind": {"getSession.401", change("false", `"no"`), "getSession.401: it is not as the document says"},
		"no JSON":                  {"getSession.401", "{", "getSession.401: unexpected end"},
		"an answer that is gone":   {"getSession.200", flows, "getSession.200: no test gets that answer any more"},
		"a file that is gone":      {"", "", "getSession.401: no such file"},
	} {
		s := newSampler(t.TempDir())
		s.add(spec.operation(sessionPath), 401, []byte(flows))
		var files []string
		if c.file != "" {
			files = []string{filepath.Join(s.dir, c.file+".json")}
			if err := os.WriteFile(files[0], []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if wrong := strings.Join(s.compare(files), "\n"); (c.says == "") != (wrong == "") || !strings.Contains(wrong, c.says) {
			t.Errorf("%s: it says %q, want %q", name, wrong, c.says)
		}
		if wrong := s.write(files); len(wrong) > 0 {
			t.Fatal(wrong)
		}
		path := filepath.Join(s.dir, "getSession.401.json")
		if wrong := s.compare([]string{path}); len(wrong) > 0 {
			t.Errorf("%s, written anew: %q", name, wrong)
		}
		if text, err := os.ReadFile(path); err != nil || (string(text) == c.text) != (c.says == "") { // what is right is left alone
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
