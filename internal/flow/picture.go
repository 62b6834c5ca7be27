package flow

import (
	"fmt"
	"strings"
)

// Picture draws the stages as a Mermaid state diagram, from the table itself. It names them
// and their order; the conditions stand in the table below it, where they can be read.
func Picture() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    direction LR\n")
	b.WriteString("    state \"the door: which is the first that is open?\" as door\n")
	b.WriteString("    [*] --> door: something is proved\n")
	b.WriteString("    [*] --> provider_signup: an id_token tells too little\n")
	b.WriteString("    provider_signup --> door\n")
	for i, s := range stages {
		fmt.Fprintf(&b, "    door --> %s: %d\n", s.stage, i+1)
		fmt.Fprintf(&b, "    %s --> door\n", s.stage)
	}
	b.WriteString("    door --> in: none\n")
	b.WriteString("    in --> asked_again: x-recent-auth\n")
	b.WriteString("    asked_again --> in: proved again\n```\n")
	return b.String()
}

// beginnings are how a visitor proves something at first.
var beginnings = []struct{ what, by, then string }{
	{"a password", "`login`", ""},
	{"a new account", "`signup`", ""},
	{"a code that was asked for", "`requestLoginCode`", "the first stage waits for it"},
	{"a passkey", "`loginByPasskey`", "it is both factors in one: `mfa_authenticate` is passed"},
	{"a new account with a passkey", "`signupByPasskey`", "the address first, then the passkey"},
	{"an id_token of Apple, Google or another service", "`submitProviderToken`", "where it tells too little for a new account, `provider_signup` is pending before the stages: `completeProviderSignup`"},
	{"a password that is set anew", "`resetPassword`", "with `ACCOUNT_LOGIN_ON_PASSWORD_RESET`"},
}

// Page is docs/flows.md: the picture, and what goes with it.
func Page() string {
	var b strings.Builder
	b.WriteString(flowsIntro)
	b.WriteString("\n" + Picture() + "\n| order | stage | stays open while | passed by |\n| --- | --- | --- | --- |\n")
	b.WriteString(stagesOf())
	b.WriteString("\n| begins with | by | |\n| --- | --- | --- |\n")
	for _, s := range beginnings {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.what, s.by, s.then)
	}
	b.WriteString(flowsEnd)
	return b.String()
}

func stagesOf() string {
	var b strings.Builder
	for i, s := range stages {
		fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", i+1, s.stage, s.when, s.by)
	}
	return b.String()
}

const flowsIntro = `# How a sign-in proceeds

<!-- Made by ` + "`make generate`" + ` from internal/flow/stage.go. Do not edit. -->

Whatever proves something about a visitor (a password, a code, a passkey, another
service's word, a new account, a reset password) ends at one door, ` + "`internal/flow/advance.go`" + `. The door asks the stages below, in
this order, whether they are open for this visitor. The first open one is what the client
is told to do next: 401 with that flow pending. When none is open, the visitor is in: 200
with tokens. A stage also ends when it is too late, after too many guesses, and when it is
given up.
`

const flowsEnd = `
How far a visitor has come is an ` + "`Attempt`" + ` on the row of their session, and gone when they are
in. A new sign-in in the same session starts a new attempt, without what the one before has
proved. An attempt for an account that is not there has no user and walks the same stages;
nothing is ever right in it, so that nobody learns who has an account. A sign-in takes at
most ` + "`ACCOUNT_LOGIN_TIMEOUT`" + `.

Resetting a password by code is beside this: its code stands in the same session, and
` + "`data.flows`" + ` says so with ` + "`password_reset_by_code`" + `. Proving oneself again while signed in
(401 with ` + "`meta.is_authenticated: true`" + `, where ` + "`x-recent-auth`" + ` says so) is another matter, too: by password (` + "`reauthenticate`" + `) or by a second factor
(` + "`mfa_reauthenticate`" + `); for an account that has neither, by a provider that is connected to it
(` + "`provider_reauthenticate`" + `) or by a code to its verified address or number (` + "`reauthenticate_by_code`" + `).
It adds a proof to the session, and no stage asks for it. An empty list of flows means: sign out and in again.
`
