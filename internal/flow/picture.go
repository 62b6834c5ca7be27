package flow

import (
	"fmt"
	"strings"
)

// Picture draws the stages as a Mermaid state diagram, from the table itself. It shows their names and their
// order; the conditions are in the table below it.
func Picture() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    direction LR\n")
	b.WriteString("    state \"next: the first stage that is open\" as next\n")
	b.WriteString("    [*] --> next: identity is proved\n")
	b.WriteString("    [*] --> provider_signup: the id_token lacks something\n")
	b.WriteString("    provider_signup --> next\n")
	for i, s := range stages {
		fmt.Fprintf(&b, "    next --> %s: %d\n", s.stage, i+1)
		fmt.Fprintf(&b, "    %s --> next\n", s.stage)
	}
	b.WriteString("    next --> signed_in: none\n")
	b.WriteString("    signed_in --> reauthenticate: x-recent-auth\n")
	b.WriteString("    reauthenticate --> signed_in: identity is proved again\n```\n")
	return b.String()
}

// beginnings are the operations that start a sign-in.
var beginnings = []struct{ what, by, then string }{
	{"a password", "`login`", ""},
	{"a new account", "`signup`", ""},
	{"a requested code", "`requestLoginCode`", "the first stage waits for it"},
	{"a passkey", "`loginByPasskey`", "it is both factors in one: `mfa_authenticate` is passed"},
	{"a new account with a passkey", "`signupByPasskey`", "the address first, then the passkey"},
	{"an id_token of Apple, Google or another provider", "`submitProviderToken`", "if it lacks something that a new account needs, `provider_signup` is pending before the stages: `completeProviderSignup`"},
	{"a reset password", "`resetPassword`", "with `ACCOUNT_LOGIN_ON_PASSWORD_RESET`"},
}

// Page is docs/flows.md: the diagram and its explanation.
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

Every proof of identity (a password, a code, a passkey, an id_token of a provider, a new account, a reset password) is completed
in one place, ` + "`internal/flow/advance.go`" + `. It checks the stages below in this order. The first open stage is
what the client has to do next: the answer is 401 with that flow pending. If no stage is open, the sign-in is complete: the answer is 200
with tokens. A stage also ends when its time is over, after too many wrong attempts, and when the client cancels it.
`

const flowsEnd = `
The state of a pending sign-in is an ` + "`Attempt`" + ` in the row of its session. It is removed when the sign-in is complete.
A new sign-in in the same session starts a new attempt, without the proofs of the previous one. An attempt for an account that does not
exist has no user and passes through the same stages, but every code is rejected, so that responses do not reveal whether the account
exists. A sign-in takes at most ` + "`ACCOUNT_LOGIN_TIMEOUT`" + `.

Two things are not stages:

- **Resetting a password by code.** The code uses the same session, and ` + "`data.flows`" + ` contains ` + "`password_reset_by_code`" + `.
- **Authenticating again while signed in** (401 with ` + "`meta.is_authenticated: true`" + `, where the spec says ` + "`x-recent-auth`" + `): by password
  (` + "`reauthenticate`" + `) or by a second factor (` + "`mfa_reauthenticate`" + `). An account that has neither uses a connected provider
  (` + "`provider_reauthenticate`" + `) or a code to its verified address or number (` + "`reauthenticate_by_code`" + `). This adds a proof to the
  session. An empty list of flows means: sign out and in again.
`
