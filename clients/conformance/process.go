package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// patience is how long a driver may take for a command that waits for nothing; a sign-up
// hashes a password, on a busy machine.
const patience = 5 * time.Second

// command is a line to a driver.
type command map[string]any

// reply is a line from a driver.
type reply struct {
	ID       int      `json:"id"`
	OK       bool     `json:"ok"`
	Error    *failure `json:"error"`
	Result   string   `json:"result"`
	Flows    []string `json:"flows"`
	Statuses []int    `json:"statuses"`
	Errors   []failure
	State    string  `json:"state"`
	Reason   string  `json:"reason"`
	Events   []event `json:"events"`
	Prompts  int     `json:"prompts"`
	Text     string  `json:"text"`
}

type failure struct {
	Kind       string  `json:"kind"`
	Status     int     `json:"status"`
	Code       string  `json:"code"`
	Action     string  `json:"action"`
	RetryAfter float64 `json:"retry_after"`
}

func (f failure) String() string {
	return fmt.Sprintf("%s %d %s %s", f.Kind, f.Status, f.Code, f.Action)
}

type event struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
}

// process is one running driver.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr *os.File
	exited chan struct{} // closed when the process is gone

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	raw     bytes.Buffer // all it wrote to standard output
}

var errGone = errors.New("the driver is gone")

// launch starts a driver. Its standard error goes to a file in dir.
func launch(dir string, words []string) (*process, error) {
	stderr, err := os.CreateTemp(dir, "stderr-*")
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(words[0], words[1:]...), stderr: stderr, exited: make(chan struct{}), waiting: map[int]chan reply{}}
	p.cmd.Stderr = stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(out)
	return p, nil
}

// read hands replies to whoever waits for them, until the process is gone.
func (p *process) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r reply
		err := json.Unmarshal(lines.Bytes(), &r)
		p.mu.Lock()
		p.raw.Write(append(lines.Bytes(), '\n'))
		waiting := p.waiting[r.ID]
		delete(p.waiting, r.ID)
		p.mu.Unlock()
		if err == nil && waiting != nil {
			waiting <- r
		}
	}
	_ = p.cmd.Wait() // killed is what it may well be
	close(p.exited)
}

// send sends a command and returns its id, and where the reply will come.
func (p *process) send(c command) (int, chan reply, error) {
	p.mu.Lock()
	p.next++
	id, answer := p.next, make(chan reply, 1)
	p.waiting[id] = answer
	p.mu.Unlock()
	c["id"] = id
	line, err := json.Marshal(c)
	if err != nil {
		return 0, nil, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return 0, nil, errGone
	}
	return id, answer, nil
}

// wait waits for a reply.
func (p *process) wait(answer chan reply, limit time.Duration) (reply, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-answer:
		return r, nil
	case <-p.exited:
		select {
		case r := <-answer: // its last word
			return r, nil
		default:
			return reply{}, errGone
		}
	case <-timer.C:
		return reply{}, fmt.Errorf("no reply within %s", limit)
	}
}

// end ends the process and returns what it wrote to standard error.
func (p *process) end() string {
	_ = p.in.Close()
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	<-p.exited
	timer.Stop()
	return p.errors()
}

func (p *process) errors() string {
	text, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// files are the texts in a directory, by name.
func files(dir string) map[string]string {
	texts := map[string]string{}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, ".*"))
	for _, name := range append(names, hidden...) {
		if text, err := os.ReadFile(name); err == nil {
			texts[filepath.Base(name)] = string(text)
		}
	}
	return texts
}
