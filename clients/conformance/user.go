package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// user is an account that a scenario makes on the server itself, from another device.
type user struct {
	w     *world
	email string
	codes []string // of a second factor, where there is one
}

// user makes an account.
func (w *world) user(name string) *user {
	u := w.nobody(name)
	made := w.ask(http.MethodPost, "auth/signup", "", map[string]string{"email": u.email, "password": goodPassword})
	wants("signing up", made.Status, http.StatusOK)
	w.endOnServer(made.Meta.Access)

	return u
}

// nobody is a user who has no account yet.
func (w *world) nobody(name string) *user { return &user{w: w, email: name + "-" + w.email} }

// protected makes an account with a second factor.
func (w *world) protected(name string) *user {
	u := w.user(name)
	w.protect(u.email)
	u.codes, w.codes = w.codes, nil

	return u
}

func (u *user) signIn() command {
	return command{"do": "sign_in", "email": u.email, "password": goodPassword}
}

func (u *user) signUp() command {
	return command{"do": "sign_up", "email": u.email, "password": goodPassword}
}

// code takes the second factor, with a code that has not been used.
func (u *user) code() command {
	code := u.codes[0]
	u.codes = u.codes[1:]
	u.w.shown = append(u.w.shown, code)

	return byCode(code)
}

// tokens signs in from outside the client under test, as the app's client of before did.
func (u *user) tokens() (access, refresh string) {
	got := u.w.ask(http.MethodPost, "auth/login", "", map[string]string{"email": u.email, "password": goodPassword})
	if got.Meta.Access == "" || got.Meta.Refresh == "" {
		fail("no tokens (status %d)", got.Status)
	}

	p := u.w.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.access = append(p.seen.access, got.Meta.Access)
	p.seen.refresh = append(p.seen.refresh, got.Meta.Refresh)

	return got.Meta.Access, got.Meta.Refresh
}

// handed are the tokens that an app hands over: of a scenario of session tokens, that one.
func (u *user) handed() (access, token string) {
	if !u.w.handsSession {
		return u.tokens()
	}

	got := u.w.ask(http.MethodPost, "auth/login", "", map[string]string{"email": u.email, "password": goodPassword})
	if got.Meta.Access == "" || got.Meta.Session == "" {
		fail("no tokens (status %d)", got.Status)
	}

	p := u.w.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.access = append(p.seen.access, got.Meta.Access)
	p.seen.secrets = append(p.seen.secrets, got.Meta.Session)

	return got.Meta.Access, got.Meta.Session
}

// userOf asks the server itself for the address of a token's user, "" where its session has ended.
func (w *world) userOf(token string) string {
	got := w.ask(http.MethodGet, "auth/session", token, nil)
	var data struct {
		User struct {
			Email string `json:"email"`
		} `json:"user"`
	}
	if got.Status == http.StatusOK {
		_ = json.Unmarshal(got.Data, &data) // no address is none
	}

	return data.User.Email
}

// is wants a user to be signed in: the client says so, and its requests carry their token.
func (p *phone) is(email string) {
	wants("state", p.do(command{"do": "state"}).State, "signed_in")
	p.calls(1)
	bearers := p.w.look().bearers
	wants("the user", p.w.userOf(bearers[len(bearers)-1]), email)
}

// ends wants all sessions of a user to end on the server, of which there was one at least.
func (w *world) ends(p *phone, email string) {
	tokens := w.tokensOf(email)
	if len(tokens) == 0 {
		return // ended already
	}

	w.within15Minutes(p, "the session of "+local(email)+" ends on the server", func() bool {
		return len(w.tokensOf(email)) == 0
	})
}

// tokensOf are the access tokens whose session lives, of one user.
func (w *world) tokensOf(email string) []string {
	var list []string
	for _, token := range w.look().access {
		if w.userOf(token) == email {
			list = append(list, token)
		}
	}

	return list
}

func local(email string) string {
	name, _, _ := strings.Cut(email, "-")
	return name
}
