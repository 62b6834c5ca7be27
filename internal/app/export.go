package app

import (
	"fmt"
	"io"
	"os"
)

type exportCommand struct {
	JSON jsonFlag `name:"json" help:"Print the counts as JSON, on standard error."`

	File string `arg:"" help:"The file to write, or - for standard output. It must not exist, and gets mode 600."`
}

// Help is shown by `latchkey export --help`.
func (exportCommand) Help() string {
	return "Writes all tenants, users and living sessions in the format of docs/moving-in-format.md, as they are at one moment. The file has password hashes and\n" +
		"secrets of authenticator apps in clear: remove it afterwards. Needs the settings of the server, also LATCHKEY_SEALING_KEYS."
}

// Run writes the export.
func (c exportCommand) Run(sh *shell) error {
	m, closeAll, err := sh.mover()
	if err != nil {
		return err
	}
	defer closeAll()

	out := sh.out
	var file *os.File
	if c.File != "-" {
		if file, err = os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		out = file
	}

	progress := newProgress(sh, 0)
	end, err := m.Export(sh.ctx, out, "latchkey "+Version, progress.show)
	progress.end()
	if err != nil {
		c.discard(file)
		return err
	}
	if file != nil {
		if err := file.Close(); err != nil {
			c.discard(file)
			return err
		}
	}

	return c.report(sh, sh.err, end.Users, end.Sessions)
}

// discard removes a file that is not whole.
func (c exportCommand) discard(file *os.File) {
	if file != nil {
		_ = os.Remove(c.File)
	}
}

func (c exportCommand) report(sh *shell, out io.Writer, users, sessions int64) error {
	if sh.json {
		return writeJSON(out, map[string]int64{"users": users, "sessions": sessions})
	}
	_, err := fmt.Fprintf(out, "latchkey: %d users and %d sessions written\n", users, sessions)

	return err
}
