package flow

import (
	"fmt"
	"strings"
)

// Picture draws the stages as a Mermaid state diagram, from the table itself.
func Picture() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> proved\n")
	b.WriteString("    proved: something was proved, and the door asks what is open\n")
	for _, s := range stages {
		fmt.Fprintf(&b, "    proved --> %s: %s\n", s.stage, s.when)
		fmt.Fprintf(&b, "    %s --> proved: passed\n", s.stage)
		fmt.Fprintf(&b, "    %s --> [*]: too late, too many guesses, or given up\n", s.stage)
	}
	b.WriteString("    proved --> in: nothing is open\n    in --> [*]\n```\n")
	return b.String()
}

// Page is docs/flows.md: the picture, and what goes with it.
func Page() string {
	var b strings.Builder
	b.WriteString(flowsIntro)
	b.WriteString("\n" + Picture() + "\n| order | stage | stays open while | passed by |\n| --- | --- | --- | --- |\n")
	for i, s := range stages {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", i+1, s.stage, s.when, s.by)
	}
	b.WriteString(flowsEnd)
	return b.String()
}

const flowsIntro = `# How a sign-in proceeds

<!-- Made by ` + "`make generate`" + ` from internal/flow/stage.go. Do not edit. -->

Whatever proves something about a visitor (a password, a code, a new account, a reset
password) ends at one door, ` + "`internal/flow/advance.go`" + `. The door asks the stages below, in
this order, whether they are open for this visitor. The first open one is what the client
is told to do next: 401 with that flow pending. When none is open, the visitor is in: 200
with tokens.
`

const flowsEnd = `
How far a visitor has come is an ` + "`Attempt`" + ` on the row of their session, and gone when they are
in. A new sign-in in the same session starts a new attempt, without what the one before has
proved. An attempt for an account that is not there has no user and walks the same stages;
nothing is ever right in it, so that nobody learns who has an account. A sign-in takes at
most ` + "`ACCOUNT_LOGIN_TIMEOUT`" + `.

Resetting a password by code is beside this: its code stands in the same session, and
` + "`data.flows`" + ` says so with ` + "`password_reset_by_code`" + `. Proving oneself again while signed in
(` + "`reauthenticate`" + `) is another matter, too: it adds a proof to the session, and no stage asks
for it.
`
