package format

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxLine is how many bytes a line has at most.
const MaxLine = 1 << 20

// LineError says what is wrong with a line. It quotes no value but the id of the user: others may be secrets.
type LineError struct {
	Line int
	// Kind and User are what the line says; empty where it cannot be read.
	Kind Kind
	User ID
	// Member is where in the line, such as emails[0].address; empty: the whole line.
	Member  string
	Problem string
}

// Error names line, user and member.
func (e *LineError) Error() string {
	var text strings.Builder
	if e.Line > 0 {
		_, _ = fmt.Fprintf(&text, "line %d: ", e.Line)
	}
	if e.User != "" {
		_, _ = fmt.Fprintf(&text, "user %s: ", e.User)
	}
	if e.Member != "" {
		_, _ = fmt.Fprintf(&text, "%s: ", e.Member)
	}

	return text.String() + e.Problem
}

// Reader reads a file of the format line by line. It needs memory for one line.
type Reader struct {
	in     *bufio.Reader
	line   int
	bytes  int64
	digest Digest
	count  End
	begun  bool
	ended  bool
	failed bool
}

// NewReader returns a reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(in, 64<<10)} }

// Bytes is how much was read.
func (r *Reader) Bytes() int64 { return r.bytes }

// Digest is that of the lines that were read.
func (r *Reader) Digest() Digest { return r.digest }

// Next returns the next line, and io.EOF behind the end. After a *LineError the reader goes on with the line
// behind it. Any other error is one of what is read from.
func (r *Reader) Next() (Line, error) {
	text, err := r.read()
	if errors.Is(err, io.EOF) {
		return Line{}, r.finish()
	}
	var wrong *LineError
	if err != nil && !errors.As(err, &wrong) {
		return Line{}, err
	}

	line := Line{Number: r.line}
	if err == nil {
		line, err = r.take(text)
	}
	if errors.As(err, &wrong) {
		r.failed = true
		wrong.Line = r.line
	}

	return line, err
}

// read returns the next line without its line feed. Of a line that is too long it reads on to the end of it.
func (r *Reader) read() ([]byte, error) {
	var text []byte
	tooLong := false
	for {
		part, err := r.in.ReadSlice('\n')
		r.bytes += int64(len(part))
		tooLong = tooLong || len(text)+len(part) > MaxLine+1
		if !tooLong {
			text = append(text, part...)
		}

		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(text) == 0 && !tooLong:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}

		r.line++
		if tooLong {
			return nil, &LineError{Problem: fmt.Sprintf("has more than %d bytes", MaxLine)}
		}
		if err != nil {
			r.ended, r.failed = true, true
			return nil, &LineError{Problem: "the file is cut: the line has no end"}
		}

		return bytes.TrimSuffix(text, []byte("\n")), nil
	}
}

// finish is what follows the last line.
func (r *Reader) finish() error {
	if r.ended {
		return io.EOF
	}
	r.ended, r.failed = true, true

	return &LineError{Line: r.line, Problem: "the file is cut: its last line is not of the kind end"}
}

// take parses a line and compares it with those before.
func (r *Reader) take(text []byte) (Line, error) {
	if r.ended {
		return Line{}, &LineError{Problem: "follows the line of the kind end"}
	}

	canonical, err := Canonical(text)
	if err != nil {
		return Line{}, &LineError{Problem: err.Error()}
	}
	line, err := parse(canonical)
	if err != nil {
		r.begun = true
		return Line{}, err
	}

	line.Number = r.line
	isHead := line.Head != nil
	isFirst := !r.begun
	r.begun = true
	if isHead != isFirst {
		return Line{}, &LineError{Problem: "a head is the first line, and no other line is one"}
	}
	if line.End != nil {
		return line, r.compare(line.End)
	}

	line.Sum = sha256.Sum256(canonical)
	r.digest.Add(line.Sum)
	switch {
	case line.User != nil:
		r.count.Users++
	case line.Session != nil:
		r.count.Sessions++
	}

	return line, nil
}

// compare compares the end with what was read. Where lines were refused, nothing can be compared.
func (r *Reader) compare(end *End) error {
	r.ended = true
	wrong := func(member, problem string) error {
		return &LineError{Kind: KindEnd, Member: member, Problem: problem}
	}

	switch {
	case r.failed:
		return nil
	case end.Users != r.count.Users:
		return wrong("users", fmt.Sprintf("says %d, but the file has %d: it is cut or was changed", end.Users, r.count.Users))
	case end.Sessions != r.count.Sessions:
		return wrong("sessions", fmt.Sprintf("says %d, but the file has %d: it is cut or was changed", end.Sessions, r.count.Sessions))
	case end.Digest != r.digest.String():
		return wrong("digest", "is not that of the lines: one of them was changed, or is of another file")
	}

	return nil
}

// parse reads a line in canonical form.
func parse(canonical []byte) (Line, error) {
	var peek struct {
		Kind jsontext.Value `json:"kind"`
		ID   jsontext.Value `json:"id"`
		User jsontext.Value `json:"user"`
	}
	_ = json.Unmarshal(canonical, &peek) // it is an object, so that this cannot fail
	kind := Kind(unquoted(peek.Kind))

	line, value := Line{}, any(nil)
	switch kind {
	case KindHead:
		line.Head = &Head{}
		value = line.Head
	case KindTenant:
		line.Tenant = &Tenant{}
		value = line.Tenant
	case KindUser:
		line.User = &User{}
		value = line.User
	case KindSession:
		line.Session = &Session{}
		value = line.Session
	case KindGone:
		line.Gone = &Gone{}
		value = line.Gone
	case KindEnd:
		line.End = &End{}
		value = line.End
	default:
		return Line{}, &LineError{Member: "kind", Problem: "is none of head, tenant, user, session, gone and end"}
	}

	named := peek.User
	if kind == KindUser {
		named = peek.ID
	}
	problem := decode(canonical, value)
	if problem == nil {
		problem = line.check()
	}
	if problem != nil {
		problem.Kind, problem.User = kind, ID(unquoted(named))
		if !problem.User.Valid() {
			problem.User = ""
		}
		return Line{}, problem
	}

	return line, nil
}

// unquoted returns the text of a JSON string, and "" of anything else.
func unquoted(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	text, _ := jsontext.AppendUnquote(nil, value)

	return string(text)
}

// decode reads the members. Security: names that are unknown, or written in another case, are refused
// (TestReader_refusesABadLineAndSaysWhere).
func decode(canonical []byte, value any) *LineError {
	if member, found := findNull(canonical); found {
		return &LineError{Member: member, Problem: "has the character U+0000, which no database can store"}
	}

	err := json.Unmarshal(canonical, value, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}

	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return &LineError{Problem: errMalformed.Error()}
	}
	wrong := &LineError{Member: memberOf(semantic.JSONPointer), Problem: "is of another type than the format says"}
	own := []error{errID, errTime, errBytes}
	if i := slices.IndexFunc(own, func(e error) bool { return errors.Is(err, e) }); i >= 0 {
		wrong.Problem = own[i].Error()
	}
	if errors.Is(err, json.ErrUnknownName) {
		wrong.Problem = "is a member that the format does not have"
	}

	return wrong
}

// findNull looks for a text with the character U+0000.
func findNull(canonical []byte) (member string, found bool) {
	if !bytes.Contains(canonical, []byte(`\u0000`)) {
		return "", false
	}

	in := jsontext.NewDecoder(bytes.NewReader(canonical))
	for {
		token, err := in.ReadToken()
		if err != nil {
			return "", false
		}
		if token.Kind() == '"' && strings.ContainsRune(token.String(), 0) {
			return memberOf(in.StackPointer()), true
		}
	}
}

// memberOf writes a JSON pointer as emails[0].address. Names that the format does not have come from the file:
// no character of them but ASCII letters, digits and _ is shown, and not many.
func memberOf(pointer jsontext.Pointer) string {
	const longest = 40
	var text strings.Builder
	for token := range pointer.Tokens() {
		clean := strings.Map(func(c rune) rune {
			isShown := c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			if !isShown {
				return '?'
			}
			return c
		}, token)
		if len(clean) > longest {
			clean = clean[:longest] + "…"
		}

		isIndex := strings.Trim(clean, "0123456789") == ""
		switch {
		case isIndex && text.Len() > 0:
			_, _ = fmt.Fprintf(&text, "[%s]", clean)
		case text.Len() > 0:
			_, _ = fmt.Fprintf(&text, ".%s", clean)
		default:
			text.WriteString(clean)
		}
	}

	return text.String()
}
