// Command million makes a file of many users, imports it into a PostgreSQL of its own by the real program, and
// prints what that took. It fails where the import takes longer than five minutes, or needs more than 100 MiB.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// The goals.
const (
	longest = 5 * time.Minute
	most    = 100 << 10 // KiB, as getrusage counts
)

func main() {
	server := flag.String("server", "bin/latchkey", "the program")
	users := flag.Int("users", 1_000_000, "how many users")
	flag.Parse()
	if err := run(*server, *users); err != nil {
		fmt.Fprintln(os.Stderr, "million:", err)
		os.Exit(1)
	}
}

func run(server string, users int) error {
	dir, err := os.MkdirTemp("", "latchkey-million-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "users.jsonl")
	size, err := write(path, users)
	if err != nil {
		return err
	}
	fmt.Printf("%d users with a session each, every tenth with an authenticator app and recovery codes: %d MB\n", users, size>>20)

	url, stop, err := testdb.Start(context.Background())
	if err != nil {
		return err
	}
	defer stop()

	p := program{server, []string{
		"DATABASE_URL=" + url, "LATCHKEY_SEALING_KEYS=k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"ACCOUNT_LOGIN_METHODS=email,username", "LATCHKEY_WEBAUTHN_RP_ID=example.com", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
	}}
	if _, _, err := p.run("migrate", "up"); err != nil {
		return err
	}

	took, memory, err := p.run("import", path)
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"import", path}, {"import", "--verify", path}, {"export", filepath.Join(dir, "export.jsonl")}} {
		if _, _, err := p.run(args...); err != nil {
			return err
		}
	}

	if took > longest || memory > most {
		return fmt.Errorf("the import took %s and %d MiB; %s and %d MiB are the goals", took.Round(time.Second), memory>>10, longest, most>>10)
	}

	return nil
}

// program is the program with its settings.
type program struct {
	path string
	env  []string
}

// run runs a command, and prints how long it took and how much memory it needed at its peak.
func (p program) run(args ...string) (took time.Duration, memory int64, err error) {
	began := time.Now()
	cmd := exec.Command(p.path, args...)
	cmd.Env, cmd.Stderr = p.env, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, errors.Join(err, errors.New(string(out)))
	}
	took = time.Since(began)
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("latchkey %-40v %6.1f s, %5.1f s of its own CPU, peak %d MiB\n", args[:len(args)-1], took.Seconds(), cpu.Seconds(), usage.Maxrss>>10)

	return took, usage.Maxrss, nil
}

// write writes the file.
func write(path string, users int) (size int64, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	w := format.NewWriter(file)
	now := time.Now()
	head := &format.Head{
		Format: 1, Source: "million", IDs: "int", Rotation: true, TOTP: &format.TOTP{Digits: 6, Period: 30}, ExportedAt: format.At(now),
	}
	if err := w.Write(head); err != nil {
		return 0, err
	}
	for i := 1; i <= users; i++ {
		user, session := lines(i, now)
		if err := errors.Join(w.Write(user), w.Write(session)); err != nil {
			return 0, err
		}
	}
	if err := errors.Join(w.Close(), file.Sync()); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}

	return info.Size(), file.Close()
}

func lines(i int, now time.Time) (*format.User, *format.Session) {
	id := format.ID(fmt.Sprint(i))
	made := format.At(now.Add(-time.Duration(i) * time.Second))
	user := &format.User{
		ID: id, Display: fmt.Sprintf("User %d", i), Username: fmt.Sprintf("user%d", i), CreatedAt: made,
		Password: "pbkdf2_sha256$1000000$Zx8mQ0cT1dLrYw5nKb2HsV$D3q8h8SKEL1M9jHUl0vMO7BxF7Ru5ZK5TupDnktyIXw=",
		Emails:   []format.Email{{Address: fmt.Sprintf("user%d@example.com", i), Verified: true, Primary: true}},
	}
	if i%10 == 0 {
		user.TOTP = &format.TOTPAuthenticator{ID: format.ID(fmt.Sprint(2 * i)), Secret: "SR27KCPT4WOCWVCZ45BPAY7RKPTC272J", LastUsedAt: made}
		user.RecoveryCodes = &format.RecoveryCodes{ID: format.ID(fmt.Sprint(2*i + 1)), Codes: []string{"04160941", "67625315", "12857044"}, Used: []int{1}}
	}
	token, jti := sha256.Sum256(fmt.Appendf(nil, "token %d", i)), sha256.Sum256(fmt.Appendf(nil, "jti %d", i))
	end := format.At(now.Add(24 * time.Hour))
	session := &format.Session{
		User: id, TokenSHA256: token[:], LastSeenAt: made, ExpiresAt: end, UserAgent: "okhttp/4.12.0", Address: "203.0.113.7",
		Methods: []format.Method{{Method: "password", At: made.Unix(), Email: user.Emails[0].Address}},
		Refresh: []format.Refresh{{JTISHA256: jti[:], ExpiresAt: end}},
	}

	return user, session
}
