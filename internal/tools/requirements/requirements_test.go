package main

import (
	"slices"
	"strings"
	"testing"
)

var known = []group{{Title: "Some", Requirements: map[string]requirement{
	"SEC-40": {Says: "One.", Source: "RFC 1"}, "SEC-43": {Says: "Two.", Source: "RFC 1"}, "T-COD-02": {Says: "Three.", Source: "RFC 1"},
	"T-JWT": {Says: "Four.", Source: "RFC 1"}, "T-LOAD-01": {Says: "Five.", Source: "RFC 1"}, "T-LOAD-02": {Says: "Six.", Source: "RFC 1"},
}}}

func TestIDsOf_readsTheNamesOfTests(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"TestSEC40_fourFailuresAreOne":   {"SEC-40"},
		"TestSEC43andTCOD02_aCode":       {"SEC-43", "T-COD-02"},
		"TestTLOAD01and02_aFlood":        {"T-LOAD-01", "T-LOAD-02"},
		"TestTJWT_corpus":                {"T-JWT"},
		"TestTNEW07_isAnID":              {"T-NEW-07"},
		"TestTOTP_isAWord":               nil,
		"TestTexts_guessesAtANumber":     nil,
		"TestSECURE_isAWord":             nil,
		"FuzzJudge":                      nil,
		"TestPasswordReset_byCodeSEC40_": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := idsOf(name, known); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// whole are sources in which every known requirement has a test.
const whole = `package x

// SEC-40: one answer.
func TestFailures_areOne(t *testing.T) {
	f() // T-JWT
}

func TestSEC43andTCOD02_x(t *testing.T) {
}

func TestTLOAD01and02_x(t *testing.T) {
}
`

func TestFaultsOf_findsWhatIsUnexplainedUncitedOrUntested(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		code, comment string
		want          string // empty: no fault
	}{
		"all is well":           {whole, "", ""},
		"an unknown id":         {whole, "// so it must be (SEC-99)", "a.go:1: SEC-99 has no entry in requirements.yaml"},
		"an unknown family":     {whole, "// so it must be (T-NEW-03)", "a.go:1: T-NEW-03 has no entry in requirements.yaml"},
		"another spelling":      {whole, "// so it must be (SEC40)", `a.go:1: "SEC40" has no entry in requirements.yaml`},
		"an unknown test id":    {whole + "\nfunc TestSEC98_x(t *testing.T) {\n}\n", "", "x_test.go: TestSEC98_x: SEC-98 has no entry in requirements.yaml"},
		"nothing cites an id":   {strings.ReplaceAll(whole, "SEC-40", "it"), "", "requirements.yaml: nothing cites SEC-40: remove it"},
		"no test holds an id":   {strings.ReplaceAll(whole, "SEC-40", "it"), "// SEC-40", "requirements.yaml: no test holds SEC-40"},
		"a range cites between": {whole, "// SEC-40 to SEC-43", "a.go:1: SEC-41 has no entry in requirements.yaml"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			faults := faultsOf(known, cite([]source{{"x_test.go", c.code}, {"a.go", c.comment}}, known))
			if c.want == "" && len(faults) > 0 || c.want != "" && !slices.Contains(faults, c.want) {
				t.Errorf("got %q, want %q", faults, c.want)
			}
		})
	}
}

func TestCite_aCommentCountsForTheTestAroundIt(t *testing.T) {
	t.Parallel()
	c := cite([]source{{"x_test.go", whole}}, known)
	for _, id := range []string{"SEC-40", "T-JWT"} {
		if !c.heldBy[id]["TestFailures_areOne"] || len(c.heldBy[id]) != 1 {
			t.Errorf("%s is held by %v", id, c.heldBy[id])
		}
	}
}
