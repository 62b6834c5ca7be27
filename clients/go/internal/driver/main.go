// Command go is the conformance driver of the Go client: it speaks the protocol of
// clients/conformance/README.md on standard input and output. It plays what happens inside
// a device, and has no opinion on what the client should do.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// request is one line of standard input.
type request struct {
	ID         int     `json:"id"`
	Do         string  `json:"do"`
	Client     string  `json:"client"`
	BaseURL    string  `json:"base_url"`
	Store      string  `json:"store"`
	Unlock     bool    `json:"unlock"`
	Email      string  `json:"email"`
	Password   string  `json:"password"`
	N          int     `json:"n"`
	Body       string  `json:"body"`
	WallOffset *int64  `json:"wall_offset"`
	Advance    float64 `json:"advance"`
	Fault      string  `json:"fault"`
	Times      int     `json:"times"`
	Point      string  `json:"point"`
	Target     int     `json:"target"`
	Answer     string  `json:"answer"`
	Force      bool    `json:"force"`
	Code       string  `json:"code"`

	Authenticator string `json:"authenticator"`
	Provider      string `json:"provider"`
	ClientID      string `json:"client_id"`
	IDToken       string `json:"id_token"`
	Nonce         string `json:"nonce"`

	Origins      []string `json:"origins"`
	URL          string   `json:"url"`
	RefreshToken string   `json:"refresh_token"`
	SessionToken string   `json:"session_token"`
	AccessToken  string   `json:"access_token"`
}

// reply is one line of standard output.
type reply struct {
	ID       int       `json:"id"`
	OK       bool      `json:"ok"`
	Error    *failure  `json:"error,omitempty"`
	Result   string    `json:"result,omitempty"`
	Flows    []string  `json:"flows,omitempty"`
	Statuses []int     `json:"statuses,omitempty"`
	Errors   []failure `json:"errors,omitempty"`
	State    string    `json:"state,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Events   []event   `json:"events,omitempty"`
	Prompts  int       `json:"prompts,omitempty"`
	Text     string    `json:"text,omitempty"`
}

type event struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason,omitempty"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

// serve answers every line, in any order, until the input ends.
func serve(in io.Reader, out io.Writer) error {
	d := newDevice()
	var writing sync.Mutex
	var cancels sync.Map // id → context.CancelFunc
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		r := request{Client: "a", N: 1}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancels.Store(r.ID, cancel)
		go func() {
			answer := reply{OK: true}
			if r.Do == "cancel" {
				if f, ok := cancels.Load(r.Target); ok {
					f.(context.CancelFunc)()
				}
			} else {
				answer = d.do(ctx, r)
			}
			answer.ID = r.ID
			cancel()
			cancels.Delete(r.ID)
			line, _ := json.Marshal(answer) // texts and numbers
			writing.Lock()
			defer writing.Unlock()
			_, _ = out.Write(append(line, '\n')) // the kit is gone: so are we, soon
		}()
	}

	return lines.Err()
}
