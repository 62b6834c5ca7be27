package main

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

const profilePath = "/api/v1/users/profile/"

// device is one process: its clock, its stores' faults, and the clients under test.
type device struct {
	clock  *clock
	faults *faults

	mu      sync.Mutex
	clients map[string]*client
}

// client is one session under test.
type client struct {
	session *latchkey.Session
	http    *http.Client
	url     string
	prompt  *prompt

	mu     sync.Mutex
	events []event
}

func newDevice() *device {
	return &device{clock: newClock(), faults: &faults{}, clients: map[string]*client{}}
}

func (d *device) do(ctx context.Context, r request) reply {
	switch r.Do {
	case "start":
		return answer(d.start(r))
	case "clock":
		d.clock.set(r.WallOffset, r.Advance)
		return reply{OK: true}
	case "store_fault":
		d.faults.set(r.Fault, r.Times)
		return reply{OK: true}
	case "kill_at":
		d.faults.killAt(r.Point, r.N)
		return reply{OK: true}
	}

	d.mu.Lock()
	c := d.clients[r.Client]
	d.mu.Unlock()
	if c == nil {
		return reply{Error: &failure{Kind: "unsupported"}}
	}

	return c.do(ctx, r)
}

func (c *client) do(ctx context.Context, r request) reply {
	if r.Force {
		ctx = latchkey.WithForce(ctx)
	}

	switch r.Do {
	case "sign_up", "sign_in", "second_factor", "passkey_sign_in", "provider_sign_in", "adopt":
		return entered(c.enter(ctx, r))
	case "cancel_pending":
		c.session.CancelPending()
	case "add_email":
		return answer(c.session.AddEmail(ctx, r.Email))
	case "verify_email":
		return answer(c.session.VerifyOwnEmail(ctx, r.Code))
	case "call":
		return c.call(ctx, r)
	case "refresh":
		return answer(c.session.Refresh(ctx))
	case "online":
		c.session.Online()
	case "sign_out":
		return answer(c.session.SignOut(ctx))
	case "state":
		return c.state()
	case "show":
		return reply{OK: true, Text: c.show(ctx)}
	case "unlock_prompt":
		c.prompt.set(r.Answer)
	default:
		return reply{Error: &failure{Kind: "unsupported"}}
	}

	return reply{OK: true}
}

// enter takes a step into a session.
func (c *client) enter(ctx context.Context, r request) (latchkey.Entry, error) {
	switch r.Do {
	case "sign_up":
		return c.session.SignUp(ctx, r.Email, r.Password)
	case "sign_in":
		return c.session.SignIn(ctx, r.Email, r.Password)
	case "passkey_sign_in":
		return c.session.SignInWithPasskey(ctx, passkeys(r.Authenticator))
	case "provider_sign_in":
		token := latchkey.ProviderToken{ClientID: r.ClientID, IDToken: r.IDToken, Nonce: r.Nonce}

		return c.session.SignInWithProvider(ctx, r.Provider, token)
	case "adopt":
		tokens := latchkey.Tokens{Refresh: r.RefreshToken, SessionToken: r.SessionToken, Access: r.AccessToken}

		return latchkey.Entry{}, c.session.Adopt(ctx, tokens)
	}

	if r.Authenticator != "" {
		return c.session.SubmitSecondFactorKey(ctx, passkeys(r.Authenticator))
	}

	return c.session.SubmitSecondFactor(ctx, r.Code)
}

func (d *device) start(r request) error {
	files, err := latchkey.NewFileStore(r.Store)
	if err != nil {
		return err
	}

	d.faults.found(r.Store)
	base, err := url.Parse(r.BaseURL)
	if err != nil {
		return err
	}

	c := &client{url: strings.TrimSuffix(base.JoinPath("/").String(), "/"), prompt: newPrompt()}
	sender := &transport{faults: d.faults, base: &http.Transport{MaxIdleConnsPerHost: 64}}
	settings := latchkey.Settings{
		Store: &store{Store: files, dir: r.Store, faults: d.faults}, Clock: d.clock, OnChange: c.changed, Origins: r.Origins,
		Options: []latchkey.ClientOption{latchkey.WithHTTPClient(&http.Client{Transport: sender})},
	}

	if r.Unlock {
		settings.Unlock = c.prompt.ask
	}

	if c.session, err = latchkey.Open(r.BaseURL, settings); err != nil {
		return err
	}

	c.http = &http.Client{Transport: c.session.Transport(sender)}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients[r.Client] = c
	return nil
}

func (c *client) changed(change latchkey.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event{string(change.State), change.Reason})
}

func (c *client) state() reply {
	state, reason := c.session.State()
	c.mu.Lock()
	defer c.mu.Unlock()
	events := c.events
	c.events = nil
	return reply{OK: true, State: string(state), Reason: reason, Events: events, Prompts: c.prompt.shown()}
}

// call sends n requests at once and sorts what comes back.
func (c *client) call(ctx context.Context, r request) reply {
	a := reply{OK: true, Statuses: []int{}, Errors: []failure{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range r.N {
		wg.Go(func() {
			status, err := c.send(ctx, cmp.Or(r.URL, c.url+profilePath), r.Body)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				a.Errors = append(a.Errors, *describe(err))
				return
			}
			a.Statuses = append(a.Statuses, status)
		})
	}
	wg.Wait()
	return a
}

func (c *client) send(ctx context.Context, url, body string) (int, error) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPatch
	}
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	got, err := c.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = got.Body.Close() }()
	_, err = io.Copy(io.Discard, got.Body)
	return got.StatusCode, err
}

func answer(err error) reply {
	if err != nil {
		return reply{Error: describe(err)}
	}
	return reply{OK: true}
}

func entered(e latchkey.Entry, err error) reply {
	if err != nil || e.SignedIn() {
		a := answer(err)
		a.Result = "signed_in"
		return a
	}
	a := reply{OK: true, Result: "pending"}
	for _, f := range e.Pending {
		a.Flows = append(a.Flows, f.ID)
	}
	return a
}
