package format

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
)

// Writer writes a file of the format: a head, other lines, and an end by Close.
type Writer struct {
	out    *bufio.Writer
	digest Digest
	end    End
	begun  bool
}

// NewWriter returns a writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(out, 64<<10)} }

// Write writes a line: a pointer to Head, Tenant, User, Session or Gone. The first one is a Head. It refuses
// what a Reader would refuse.
func (w *Writer) Write(line any) error {
	_, isHead := line.(*Head)
	_, isEnd := line.(*End)
	if isHead == w.begun || isEnd {
		return errors.New("the first line is a head, no other line is one, and Close writes the end")
	}
	w.begun = true

	switch line.(type) {
	case *User:
		w.end.Users++
	case *Session:
		w.end.Sessions++
	}

	text, err := Encode(line)
	if err != nil {
		return err
	}
	if _, err := parse(text); err != nil {
		return err
	}
	w.digest.Add(sha256.Sum256(text))

	return w.write(text)
}

func (w *Writer) write(text []byte) error {
	_, _ = w.out.Write(text) // a bufio.Writer remembers its error

	return w.out.WriteByte('\n')
}

// Close writes the end with counts and digest. It does not close what it writes to.
func (w *Writer) Close() error {
	w.end.Digest = w.digest.String()
	text, err := Encode(&w.end)
	if err != nil {
		return err
	}
	if err := w.write(text); err != nil {
		return err
	}

	return w.out.Flush()
}

// End is what Close wrote.
func (w *Writer) End() End { return w.end }
