package main

import (
	"context"
	"errors"
	"sync"
)

// prompt stands for the person who is asked to unlock.
type prompt struct {
	mu      sync.Mutex
	changed *sync.Cond
	answer  string
	count   int
}

func newPrompt() *prompt {
	p := &prompt{answer: "allow"}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *prompt) set(answer string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
	p.changed.Broadcast()
}

func (p *prompt) shown() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func (p *prompt) ask(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	for p.answer == "hold" {
		p.changed.Wait()
	}
	if p.answer != "allow" {
		return errors.New("the person dismissed the prompt")
	}
	return nil
}
