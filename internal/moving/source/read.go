package source

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// maxElement is how many bytes a user has at most in any file.
const maxElement = format.MaxLine

var errTooLong = errors.New("has more than 1048576 bytes")

// bounded reads no more than left bytes between two elements, so that no element takes all memory.
type bounded struct {
	in   io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n

	return n, err
}

// reset allows the next element. A decoder reads ahead, so that it gets twice as much.
func (b *bounded) reset() { b.left = 2 * maxElement }

// eachLine calls do for each line of a file of JSON Lines.
func eachLine(in io.Reader, w *writer, do func(line []byte) error) error {
	limit := &bounded{in: in}
	limit.reset()
	lines := bufio.NewScanner(limit)
	lines.Buffer(make([]byte, 0, 64<<10), maxElement)
	for number := 1; lines.Scan(); number++ {
		limit.reset()
		w.begin(number, "")
		line := bytes.TrimSpace(lines.Bytes())
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if len(line) == 0 {
			continue
		}
		if err := do(line); err != nil {
			return err
		}
	}

	return w.readError(lines.Err())
}

// readError makes an error about a file one that names the element.
func (w *writer) readError(err error) error {
	isTooLong := errors.Is(err, bufio.ErrTooLong) || errors.Is(err, errTooLong)
	var syntactic *jsontext.SyntacticError
	isMalformed := errors.As(err, &syntactic) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)

	switch {
	case err == nil:
		return nil
	case isTooLong:
		w.at, w.user = w.at+1, ""
		return w.fail("has more than 1048576 bytes")
	case isMalformed:
		w.user = ""
		return w.fail("the JSON behind this is malformed or cut")
	}

	return err
}

// eachElement calls do for each element of the lists in a file. The file has one or more JSON values: lists, or
// objects with a list as the member that is called so. Other members are skipped. A file without a list is an error.
func eachElement(in io.Reader, w *writer, member string, do func(element []byte) error) error {
	limit := &bounded{in: in}
	limit.reset()
	d := jsontext.NewDecoder(limit)

	found := false
	for {
		limit.reset()
		first, err := d.ReadToken()
		isOver := errors.Is(err, io.EOF)
		switch {
		case isOver && found:
			return nil
		case isOver:
			return w.fail("the file has no list of " + member)
		case err != nil:
			return w.readError(err)
		case first.Kind() == '[':
			found = true
			err = w.elements(d, limit, do)
		case first.Kind() == '{':
			err = w.members(d, limit, member, func() error {
				found = true
				return w.elements(d, limit, do)
			})
		default:
			err = w.fail("the file is neither a JSON object nor a list")
		}
		if err != nil {
			return err
		}
	}
}

// members reads an object behind its brace. It calls list where the member that is called so has a list, behind the
// bracket of it.
func (w *writer) members(d *jsontext.Decoder, limit *bounded, member string, list func() error) error {
	for d.PeekKind() == '"' {
		limit.reset()
		name, err := d.ReadToken()
		if err != nil {
			return w.readError(err)
		}

		isOurs := name.String() == member && d.PeekKind() == '['
		if !isOurs {
			if err := skip(d, limit); err != nil {
				return w.readError(err)
			}
			continue
		}
		if _, err := d.ReadToken(); err != nil {
			return w.readError(err)
		}
		if err := list(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()

	return w.readError(err)
}

// elements reads a list behind its bracket.
func (w *writer) elements(d *jsontext.Decoder, limit *bounded, do func(element []byte) error) error {
	for number := w.at + 1; d.PeekKind() != ']'; number++ {
		limit.reset()
		element, err := d.ReadValue()
		if err != nil {
			return w.readError(err)
		}
		w.begin(number, "")
		if len(element) > maxElement {
			return w.fail(errTooLong.Error())
		}
		if err := do(element); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()

	return w.readError(err)
}

// skip reads a value token by token: it may be of any length, and no token may.
func skip(d *jsontext.Decoder, limit *bounded) error {
	for depth := d.StackDepth(); ; {
		limit.reset()
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		if d.StackDepth() <= depth {
			return nil
		}
	}
}

// decode reads an element. Members that it does not know are left out; others of an unexpected type are an error.
func (w *writer) decode(element []byte, into any) error {
	if err := json.Unmarshal(element, into); err != nil {
		return w.fail("is no JSON object of this kind: " + where(err))
	}

	return nil
}

// where names the member of an error, and nothing of its value.
func where(err error) string {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" {
		clean := strings.Map(func(c rune) rune {
			if c < ' ' || c > '~' {
				return '?'
			}
			return c
		}, string(semantic.JSONPointer))

		return clean[:min(len(clean), 80)] + " has another type"
	}

	return "it is malformed"
}

// layouts are those in which databases and APIs write times.
var layouts = []string{
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05", time.DateOnly,
}

// moment reads a time; without a zone it is UTC. It is absent where it cannot be read.
func moment(text string) format.Time {
	text = strings.TrimSuffix(text, " UTC")
	for _, layout := range layouts {
		t, err := time.Parse(layout, text)
		if err == nil {
			return inRange(t)
		}
	}

	return format.Time{}
}

// milliseconds reads a time in milliseconds since 1970.
func milliseconds(text string) format.Time {
	n, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 64)
	if err != nil || n <= 0 {
		return format.Time{}
	}

	return inRange(time.UnixMilli(n))
}

// inRange is a time that lines can have.
func inRange(t time.Time) format.Time {
	if t.UTC().Year() < 1900 || t.UTC().Year() > 9999 {
		return format.Time{}
	}

	return format.At(t)
}

// binary reads bytes as PostgreSQL writes them (\x and digits), or in base64 of any alphabet.
func binary(text string) (format.Bytes, bool) {
	if digits, isHex := strings.CutPrefix(text, `\x`); isHex {
		b, err := hex.DecodeString(digits)
		return b, err == nil && len(b) > 0
	}

	b, err := base64.RawStdEncoding.DecodeString(standard(text))

	return b, err == nil && len(b) > 0
}

// standard brings base64 of the URL-safe alphabet to the standard one without padding.
func standard(text string) string {
	return strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
}

// rpIDHash is the hash of the passkeys' domain.
func (o Options) rpIDHash() format.Bytes {
	sum := sha256.Sum256([]byte(o.RPID))

	return sum[:]
}

// addKey adds a passkey or security key, where its domain is known.
func (w *writer) addKey(u *format.User, k format.Credential) {
	if w.options.RPID == "" {
		w.note("a passkey does not move: --from-rp-id does not say of which domain it is")
		return
	}
	if len(k.CredentialID) == 0 || len(k.PublicKey) == 0 {
		w.note("a passkey without id or key does not move")
		return
	}

	k.RPIDHash = w.options.rpIDHash()
	u.WebAuthn = append(u.WebAuthn, k)
}

// number brings a number to the form with a plus.
func number(text string) string {
	if text == "" || strings.HasPrefix(text, "+") {
		return text
	}

	return "+" + text
}
