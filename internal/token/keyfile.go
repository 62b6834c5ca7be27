package token

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/secretfile"
)

// A key file is the whole key state: PEM blocks, the first of which signs. Lines that
// begin with # are notes; `latchkey keys rotate` keeps there since when a key is what it
// is. A file without notes is as good, only its ages are unknown.

// Key states, as the notes name them.
const (
	Signing  = "signing"  // the first block
	Pending  = "pending"  // published, so that every verifier knows it before it signs
	Retiring = "retiring" // no longer signs; its tokens still live
)

// PendingFor is how long a key is published before it signs: twice the time for which
// the JWKS may be kept (SEC-14).
const PendingFor = 10 * time.Minute

// block is one PEM block and the note in front of it.
type block struct {
	pem   *pem.Block
	note  string // state
	since time.Time
}

// splitBlocks reads PEM, with notes, or base64 of it.
func splitBlocks(text string) ([]block, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("no key: `latchkey keys generate` makes one")
	}
	if !strings.HasPrefix(text, "-----BEGIN") && !strings.HasPrefix(text, "#") {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil, errors.New("neither PEM nor base64 of PEM")
		}
		text = string(decoded)
	}
	var blocks []block
	var next block
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		if strings.HasPrefix(text, "#") {
			line, rest, _ := strings.Cut(text, "\n")
			next.read(line)
			text = rest
			continue
		}
		// The PEM decoder looks for the next block that it can read: cut this one out, or a
		// broken key would be passed over in silence.
		end := strings.Index(text, "-----END")
		if !strings.HasPrefix(text, "-----BEGIN") || end < 0 {
			return nil, errors.New("not a sequence of PEM blocks")
		}
		if newline := strings.IndexByte(text[end:], '\n'); newline >= 0 {
			end += newline + 1
		} else {
			end = len(text)
		}
		decoded, rest := pem.Decode([]byte(text[:end]))
		if decoded == nil || len(strings.TrimSpace(string(rest))) > 0 || strings.Count(text[:end], "-----BEGIN") > 1 {
			return nil, fmt.Errorf("block %d is not PEM", len(blocks)+1)
		}
		next.pem = decoded
		blocks, next, text = append(blocks, next), block{}, text[end:]
	}
	if len(blocks) == 0 {
		return nil, errors.New("not a sequence of PEM blocks")
	}
	return blocks, nil
}

func (b *block) read(line string) {
	words := strings.Fields(strings.TrimPrefix(line, "#"))
	if len(words) != 3 || words[1] != "since" {
		return
	}
	if since, err := time.Parse(time.RFC3339, words[2]); err == nil {
		b.note, b.since = words[0], since
	}
}

// ReadKeyFile reads a key file, and refuses one that other accounts can read or change.
func ReadKeyFile(path string) (string, error) {
	text, err := secretfile.ReadKey(path)
	if err != nil {
		return "", fmt.Errorf("%s %w", path, err)
	}

	return text, nil
}

// FileKey is one key of a key file. Since is the zero time where no note says.
type FileKey struct {
	ID    string
	State string
	Since time.Time
	text  string
}

// KeyFile is a key file that can be rotated.
type KeyFile struct{ Keys []FileKey }

// ParseKeyFile reads the text of a key file.
func ParseKeyFile(text string) (KeyFile, error) {
	blocks, err := splitBlocks(text)
	if err != nil {
		return KeyFile{}, err
	}
	state, err := keysOf(blocks)
	if err != nil {
		return KeyFile{}, err
	}
	var f KeyFile
	for n, b := range blocks {
		what := Pending
		switch {
		case n == 0:
			what = Signing
		case b.note == Retiring:
			what = Retiring
		}
		f.Keys = append(f.Keys, FileKey{ID: state.public[n].ID, State: what, Since: b.since, text: string(pem.EncodeToMemory(b.pem))})
	}
	return f, nil
}

// String is the file's text.
func (f KeyFile) String() string {
	var b strings.Builder
	for _, k := range f.Keys {
		if !k.Since.IsZero() {
			fmt.Fprintf(&b, "# %s since %s\n", k.State, k.Since.UTC().Format(time.RFC3339))
		}
		b.WriteString(k.text)
	}
	return b.String()
}

// RotationStep is the next step of a rotation, for a person to read.
type RotationStep struct {
	// Did says what was done: Step is it in a word, added, signs or dropped, and Key the id of the key.
	Did, Step, Key string
	// TooEarly is how long to wait until the step is safe; 0 when it is.
	TooEarly time.Duration
	// Dropped is the key that verifies no more, and Since when it stopped signing.
	Dropped string
	Since   time.Time
}

// Rotate does the next step at the time now: drop a key that has retired for retireFor,
// else let a key sign that has been pending long enough, else add a pending one. The
// step says when it is too early; the file is changed all the same, and the caller
// decides whether to keep it.
func (f KeyFile) Rotate(now time.Time, retireFor time.Duration) (KeyFile, RotationStep, error) {
	keys := slices.Clone(f.Keys)
	find := func(state string) int {
		return slices.IndexFunc(keys, func(k FileKey) bool { return k.State == state })
	}
	if n := find(Retiring); n >= 0 {
		k := keys[n]
		step := RotationStep{Did: "dropped " + k.ID, Step: "dropped", Key: k.ID, Dropped: k.ID, Since: k.Since, TooEarly: early(now, k.Since, retireFor)}
		return KeyFile{slices.Delete(keys, n, n+1)}, step, nil
	}
	if n := find(Pending); n >= 0 {
		k, old := keys[n], keys[0]
		step := RotationStep{Did: k.ID + " signs from now on", Step: "signs", Key: k.ID, TooEarly: early(now, k.Since, PendingFor)}
		k.State, k.Since, old.State, old.Since = Signing, now, Retiring, now
		keys[0], keys[n] = k, old
		return KeyFile{keys}, step, nil
	}
	text, kid, err := GenerateKey()
	keys = append(keys, FileKey{ID: kid, State: Pending, Since: now, text: text})
	return KeyFile{keys}, RotationStep{Did: "added " + kid + ", which will sign next", Step: "added", Key: kid}, err
}

// early is how much of a time is still to pass. Of a key whose age no note tells, all of it.
func early(now, since time.Time, wait time.Duration) time.Duration {
	if since.IsZero() {
		return wait
	}
	return max(0, wait-now.Sub(since))
}
