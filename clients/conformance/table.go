package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// cell is one scenario played with one client.
type cell struct {
	problem string // empty: green
	log     string // standard error of its processes
	took    time.Duration
}

func (c *cell) word() string {
	if c.problem == "" {
		return "ok"
	}
	return "RED"
}

type row struct {
	scenario
	cells map[string]*cell
}

type table struct {
	clients []string
	rows    []row
}

func (t *table) green() bool {
	for _, r := range t.rows {
		for _, c := range r.cells {
			if c.problem != "" {
				return false
			}
		}
	}
	return len(t.rows) > 0
}

// document writes the table into the last section of a Markdown file.
func (t *table) document(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const heading = "\n## The table\n"
	before, _, found := strings.Cut(string(text), heading)
	if !found {
		return fmt.Errorf("%s has no section %q", path, strings.TrimSpace(heading))
	}
	var b strings.Builder
	b.WriteString(before + heading + "\n")
	t.markdown(&b)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// text is the table, and what is wrong below it.
func (t *table) text() string {
	var b strings.Builder
	t.markdown(&b)
	t.problems(&b)
	return b.String()
}

func (t *table) markdown(w *strings.Builder) {
	fmt.Fprintf(w, "| scenario | holds | %s |\n", strings.Join(t.clients, " | "))
	fmt.Fprintf(w, "| --- | --- |%s\n", strings.Repeat(" --- |", len(t.clients)))
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s | %s |", r.id, r.holds)
		for _, client := range t.clients {
			fmt.Fprintf(w, " %s |", r.cells[client].word())
		}
		w.WriteString("\n")
	}
}

func (t *table) problems(w *strings.Builder) {
	for _, r := range t.rows {
		for _, client := range t.clients {
			if c := r.cells[client]; c.problem != "" {
				fmt.Fprintf(w, "\n%s, %s: %s\n  (%s)\n", client, r.id, c.problem, r.says)
				if c.log != "" {
					fmt.Fprintf(w, "  standard error: %s\n", indent(c.log))
				}
			}
		}
	}
}

const logLines = 12

func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > logLines {
		lines = lines[len(lines)-logLines:]
	}
	return strings.Join(lines, "\n    ")
}

func listed(list []scenario) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%-26s %-32s %s\n", s.id, s.holds, s.says)
	}
	return b.String()
}

// generation is the number of the generation that a token belongs to.
func generation(token string) int {
	var claims struct {
		Generation int `json:"gen"`
	}
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &claims) // 0 is none
	}
	return claims.Generation
}
