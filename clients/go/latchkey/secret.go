package latchkey

import (
	"fmt"
	"io"
	"log/slog"
)

// Security: tokens must not get into logs by printing what has them. The types of this file print
// as what they are, whatever the verb. What else has tokens has them behind a pointer, which
// prints as an address.

// String names the server and the state, and shows no token.
func (s *Session) String() string {
	if s == nil || s.box == nil {
		return "latchkey.Session(none)"
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	return fmt.Sprintf("latchkey.Session(%s %s)", s.server.Host, s.state)
}

// GoString is String.
func (s *Session) GoString() string { return s.String() }

// Format implements [fmt.Formatter]: each verb prints what String says.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s *Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText makes the session what String says in JSON and other texts.
func (s *Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String says which tokens there are, and shows none.
func (t Tokens) String() string {
	return fmt.Sprintf("latchkey.Tokens(access %s, refresh %s, session %s)",
		present(t.Access), present(t.Refresh), present(t.SessionToken))
}

// GoString is String.
func (t Tokens) GoString() string { return t.String() }

// Format implements [fmt.Formatter]: each verb prints what String says.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue implements [slog.LogValuer].
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText makes the tokens what String says in JSON and other texts.
func (t Tokens) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Format implements [fmt.Formatter]: each verb prints the session.
func (t roundTripper) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.s.String()) }

// Format implements [fmt.Formatter]: each verb prints the session.
func (d doer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.s.String()) }

// Format implements [fmt.Formatter]: each verb prints the session.
func (d deviceDoer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.s.String()) }

// String names the store, and shows nothing of what it holds.
func (m *MemoryStore) String() string { return "latchkey.MemoryStore" }

// GoString is String.
func (m *MemoryStore) GoString() string { return m.String() }

// Format implements [fmt.Formatter]: each verb prints what String says.
func (m *MemoryStore) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

func present(token string) string {
	if token == "" {
		return "none"
	}

	return "present"
}
