package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/latchkey-auth/latchkey/internal/argon2"
)

// peerUsers is how many users a peer has: few, as it hashes each of their passwords first.
const peerUsers = 64

// betterAuth is the peer in Node.js: better-auth with @node-rs/argon2 and our parameters.
const betterAuth = "better-auth"

// besidePeers measures sign-ins and look-ups beside the peer, and one hash of each.
func (b *bench) besidePeers(p plan, database string) error {
	ours, err := b.server(database)
	if err != nil {
		return err
	}
	defer ours.stop()
	theirs, err := b.startPeer()
	if err != nil {
		return fmt.Errorf("%s: %w", betterAuth, err)
	}
	defer theirs.stop()

	cookies, err := signUpAtPeer(theirs)
	if err != nil {
		return fmt.Errorf("%s: %w", betterAuth, err)
	}
	seen, err := b.access(p.rows, p.hits, p.misses)
	if err != nil {
		return err
	}
	if err := b.warm(ours, seen); err != nil {
		return err
	}

	if err := b.peerLogins(ours, theirs); err != nil {
		return err
	}
	if err := b.peerLookups(seen, cookies, ours, theirs); err != nil {
		return err
	}

	return b.hashes()
}

func (b *bench) peerLogins(ours, theirs *child) error {
	mine := func(int) (load, error) { return b.signingIn(atOnce), nil }
	yours := func(int) (load, error) { return b.signingInAtPeer(), nil }
	x, y, err := pair{b.rounds, mine, yours}.run(ours, theirs)
	if err != nil {
		return fmt.Errorf("sign-in beside %s: %w", betterAuth, err)
	}

	b.report.beside(betterAuth, "sign-in, 8 at once", x, y)
	b.report.claim(claim{
		What: "sign-in: CPU, of better-auth's", Value: sideOf(x).CPU / sideOf(y).CPU, Limit: 0.7, Most: true, Unit: "x",
		Note: fmt.Sprintf("%.1f of %.1f ms", sideOf(x).CPU/1000, sideOf(y).CPU/1000),
	})

	return nil
}

func (b *bench) peerLookups(seen, cookies []string, ours, theirs *child) error {
	mine := func(int) (load, error) { return b.asking(shuffled(seen, 1), true), nil }
	yours := func(int) (load, error) { return b.askingPeer(cookies), nil }
	x, y, err := pair{b.rounds, mine, yours}.run(ours, theirs)
	if err != nil {
		return fmt.Errorf("look-up beside %s: %w", betterAuth, err)
	}
	b.report.beside(betterAuth, "look-up", x, y)

	return nil
}

// beside notes a comparison with another server.
func (r *report) beside(opponent, what string, ours, theirs []result) {
	r.compare(what, 1, ours, theirs)
	r.Paths[len(r.Paths)-1].Opponent = opponent
}

// startPeer starts the peer on an empty database, which it migrates.
func (b *bench) startPeer() (*child, error) {
	url, err := b.emptyDatabase("peer")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}

	c := &child{name: betterAuth, url: "http://" + address, done: make(chan struct{})}
	c.cmd = exec.Command("node", filepath.Join(b.peers, "server.mjs"))
	c.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "NODE_ENV=production", "DATABASE_URL=" + url, "ADDRESS=" + address}
	c.cmd.Stderr = os.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	if err := awaitPeer(b.ctx, c); err != nil {
		c.stop()
		return nil, err
	}

	return c, nil
}

func awaitPeer(ctx context.Context, c *child) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api/auth/ok", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			return errors.New("it ended at once: is it installed (npm ci)?")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// askPeer writes a request of a user of the peer, with email and password.
func askPeer(r *fasthttp.Request, path string, user int) {
	r.SetRequestURI("/api/auth/" + path)
	r.Header.SetMethod(fasthttp.MethodPost)
	r.Header.SetContentType(aJSON)
	r.SetBodyString(fmt.Sprintf(`{"email":"user%d@example.com","password":%q,"name":"a user"}`, user, pass))
}

// signUpAtPeer makes the users of the peer, and returns the cookies of their sessions.
func signUpAtPeer(c *child) ([]string, error) {
	var cookies []string
	made := 0
	l := load{clients: 1, fill: func(_ int, r *fasthttp.Request) bool {
		askPeer(r, "sign-up/email", made)
		made++

		return made <= peerUsers
	}, check: func(_ int, answer *fasthttp.Response) error {
		cookie, _, _ := strings.Cut(string(answer.Header.Peek(fasthttp.HeaderSetCookie)), ";")
		cookies = append(cookies, cookie)

		return ok(answer)
	}}
	if r := l.run(c); r.failed > 0 {
		return nil, errors.New(r.why)
	}

	return cookies, nil
}

func (b *bench) signingInAtPeer() load {
	turn := make([]int, atOnce)

	return load{clients: atOnce, lasting: b.lasting, fill: func(client int, r *fasthttp.Request) bool {
		turn[client]++
		askPeer(r, "sign-in/email", (client+turn[client]*atOnce)%peerUsers)

		return true
	}}
}

func (b *bench) askingPeer(cookies []string) load {
	turn := make([]int, clients)

	return load{clients: clients, lasting: b.lasting, fill: func(client int, r *fasthttp.Request) bool {
		turn[client]++
		r.SetRequestURI("/api/auth/get-session")
		r.Header.Set(fasthttp.HeaderCookie, cookies[(client+turn[client]*clients)%len(cookies)])

		return true
	}}
}

// hashes compares the CPU of one hash of ours with one of @node-rs/argon2, one at a time, by turns.
func (b *bench) hashes() error {
	const each = 60
	var ours, theirs []float64
	for range b.rounds {
		mine, err := ownHash(each)
		if err != nil {
			return err
		}
		yours, err := b.nodeHash(each)
		if err != nil {
			return err
		}
		ours, theirs = append(ours, mine), append(theirs, yours)
	}

	limit := 1.05
	if argon2.Level() == "AVX-512" {
		limit = 0.75
	}
	b.report.claim(claim{
		What: "argon2id: CPU of a hash, of @node-rs/argon2's", Value: median(ours) / median(theirs), Limit: limit, Most: true, Unit: "x",
		Note: fmt.Sprintf("%.2f of %.2f ms, %s", median(ours)/1000, median(theirs)/1000, argon2.Level()),
	})

	return nil
}

// ownHash is the CPU of one of our hashes in microseconds, its memory wiped as the server does.
func ownHash(hashes int) (float64, error) {
	h, err := argon2.New(argon2.Params{Time: 2, Memory: 19456, Threads: 1, KeyLen: 32})
	if err != nil {
		return 0, err
	}
	defer h.Close()

	h.Key(nil, []byte(pass), make([]byte, 16))
	before := ownCPU()
	for range hashes {
		h.Key(nil, []byte(pass), make([]byte, 16))
		h.Wipe()
	}

	return float64((ownCPU() - before).Microseconds()) / float64(hashes), nil
}

func ownCPU() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)

	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// nodeHash is the CPU of one hash of @node-rs/argon2 in microseconds.
func (b *bench) nodeHash(hashes int) (float64, error) {
	out, err := exec.CommandContext(b.ctx, "node", filepath.Join(b.peers, "argon2.mjs"), strconv.Itoa(hashes)).Output()
	if err != nil {
		return 0, fmt.Errorf("argon2.mjs: %w", err)
	}

	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}
