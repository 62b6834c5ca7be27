package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is what a run has seen.
type report struct {
	Mismatches []string
	NotPlayed  []string

	ops       []operation
	seen      map[string]map[int]int // operationId, status, how often
	successor string                 // of the refresh whose answer was taken for lost
}

func newReport(ops []operation) *report {
	r := &report{ops: ops, seen: map[string]map[int]int{}}
	for _, op := range ops {
		r.seen[op.id] = map[int]int{}
	}
	return r
}

func (r *report) saw(id string, status int) { r.seen[id][status]++ }

func (r *report) notPlayed(id, why string) {
	if line := id + ": " + why; !slices.Contains(r.NotPlayed, line) {
		r.NotPlayed = append(r.NotPlayed, line)
	}
}

// mismatch notes one sentence that says what was asked, what came, and what is wrong.
func (r *report) mismatch(c call, request *http.Request, a answer, err error) {
	r.Mismatches = append(r.Mismatches, fmt.Sprintf("%s, %s: %s %s answered %d: %v\n    %s",
		c.op.id, c.why, request.Method, request.URL.Path, a.status, err, quoted(a.body)))
}

// finish notes the operations that were never seen to succeed.
func (r *report) finish(succeeded, known func(id string) bool) {
	for _, op := range r.ops {
		switch {
		case succeeded(op.id):
		case known(op.id):
			r.notPlayed(op.id, "never seen to succeed")
		default:
			r.notPlayed(op.id, "never seen to succeed: clients/contract/walk.go has no step for that yet")
		}
	}
}

// row is an operation in the JSON report.
type row struct {
	Operation string         `json:"operation"`
	Method    string         `json:"method"`
	Path      string         `json:"path"`
	Seen      map[string]int `json:"seen"`   // how often, by status
	Unseen    []int          `json:"unseen"` // documented, but not answered in this run
}

func (r *report) print(out io.Writer, s settings) error {
	if s.json {
		return r.printJSON(out, s)
	}
	if err := r.printTable(out); err != nil {
		return err
	}
	text := ""
	for _, line := range r.NotPlayed {
		text += "not played: " + line + "\n"
	}
	for _, line := range r.Mismatches {
		text += "MISMATCH: " + line + "\n"
	}
	text += fmt.Sprintf("%d operations, %d answers checked, %d mismatches\n", len(r.ops), r.answers(), len(r.Mismatches))
	_, err := io.WriteString(out, text)
	return err
}

func (r *report) answers() int {
	sum := 0
	for _, statuses := range r.seen {
		for _, n := range statuses {
			sum += n
		}
	}
	return sum
}

// printTable: a number is how often a status was seen, a dot one that is documented and was
// not seen.
func (r *report) printTable(out io.Writer) error {
	columns := map[int]bool{}
	for _, op := range r.ops {
		for _, status := range op.statuses() {
			columns[status] = true
		}
		for status := range r.seen[op.id] {
			columns[status] = true
		}
	}
	statuses := slices.Sorted(maps.Keys(columns))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "operation"
	for _, status := range statuses {
		head += fmt.Sprintf("\t%d", status)
	}
	lines := []string{head}
	for _, op := range r.ops {
		line := op.id
		for _, status := range statuses {
			cell := ""
			if n := r.seen[op.id][status]; n > 0 {
				cell = fmt.Sprint(n)
			} else if op.documents(status) {
				cell = "."
			}
			line += "\t" + cell
		}
		lines = append(lines, line)
	}
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n\n"); err != nil {
		return err
	}
	return w.Flush()
}

func (r *report) printJSON(out io.Writer, s settings) error {
	rows := []row{}
	for _, op := range r.ops {
		line := row{Operation: op.id, Method: op.method, Path: op.path, Seen: map[string]int{}, Unseen: []int{}}
		for status, n := range r.seen[op.id] {
			line.Seen[fmt.Sprint(status)] = n
		}
		for _, status := range op.statuses() {
			if r.seen[op.id][status] == 0 {
				line.Unseen = append(line.Unseen, status)
			}
		}
		rows = append(rows, line)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"base_url": s.baseURL, "operations": rows, "answers": r.answers(),
		"mismatches": append([]string{}, r.Mismatches...), "not_played": append([]string{}, r.NotPlayed...),
	})
}
