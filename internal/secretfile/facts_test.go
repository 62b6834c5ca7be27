package secretfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Files as operators, Docker and Kubernetes make them.
func TestFacts_whatIsRefused(t *testing.T) {
	t.Parallel()

	const user = 1000
	for name, row := range map[string]struct {
		facts
		secret, key string // part of the refusal; empty: taken
	}{
		"a file of its owner alone":           {facts{0o600, user, false, ""}, "", ""},
		"one that is only read":               {facts{0o400, user, false, ""}, "", ""},
		"one that a group reads":              {facts{0o640, 0, false, ""}, "", ""},
		"one that all read":                   {facts{0o644, user, false, ""}, "", "can be read"},
		"root's, that all read":               {facts{0o444, 0, false, ""}, "", "can be read"},
		"one that all may only run":           {facts{0o701, user, false, ""}, "", ""},
		"one that a group writes":             {facts{0o660, user, false, ""}, "can be changed", "can be changed"},
		"one that all write":                  {facts{0o602, user, false, ""}, "can be changed", "can be changed"},
		"one in an open folder":               {facts{0o600, user, false, "/srv"}, "can be replaced", "can be replaced"},
		"Docker: root's 0444, mounted":        {facts{0o444, 0, true, ""}, "", ""},
		"Kubernetes: root's 0644, mounted":    {facts{0o644, 0, true, ""}, "", ""},
		"Kubernetes: 0440 with fsGroup":       {facts{0o440, 0, true, ""}, "", ""},
		"mounted, of another account":         {facts{0o644, user, true, ""}, "", "can be read"},
		"mounted, but a group writes it":      {facts{0o464, 0, true, ""}, "can be changed", "can be changed"},
		"mounted, but all write it":           {facts{0o446, 0, true, ""}, "can be changed", "can be changed"},
		"a pipe, which is no file on a disk":  {facts{fs.ModeNamedPipe | 0o600, user, false, ""}, "", ""},
		"a terminal, whose group may write":   {facts{fs.ModeDevice | fs.ModeCharDevice | 0o620, user, false, ""}, "", ""},
		"a device that everybody may read":    {facts{fs.ModeDevice | fs.ModeCharDevice | 0o666, 0, false, ""}, "", ""},
		"mounted, below a folder that is not": {facts{0o444, 0, true, "/run"}, "can be replaced", "can be replaced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, "a secret", row.changeable(), row.secret)
			refused(t, "a private key", row.unfitForKey(), row.key)
		})
	}
}

func refused(t *testing.T, what string, err error, want string) {
	t.Helper()

	if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

// inFolder writes a file into a folder with a mode, below a folder with another one.
func inFolder(t *testing.T, above, folder, file fs.FileMode) string {
	t.Helper()

	top := filepath.Join(t.TempDir(), "above")
	path := filepath.Join(top, "folder", "secret")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(" secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{path: file, filepath.Dir(path): folder, top: above} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}

	return path
}

func TestRead_looksAtTheFileAndTheFoldersAboveIt(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		above, folder, file fs.FileMode
		secret, key         string
	}{
		"private":                      {0o755, 0o755, 0o600, "", ""},
		"read by all":                  {0o755, 0o755, 0o644, "", "chmod 600"},
		"written by a group":           {0o755, 0o755, 0o620, "chmod go-w", "chmod go-w"},
		"an open folder":               {0o755, 0o777, 0o600, "chmod o-w", "chmod o-w"},
		"an open folder above":         {0o777, 0o700, 0o600, "chmod o-w", "chmod o-w"},
		"an open folder, but sticky":   {0o755, fs.ModeSticky | 0o777, 0o600, "", ""},
		"a folder that a group writes": {0o755, 0o775, 0o600, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := inFolder(t, row.above, row.folder, row.file)

			text, err := Read(path)
			refused(t, "a secret", err, row.secret)
			if err == nil && text != "secret" {
				t.Errorf("it reads %q", text)
			}
			_, err = ReadKey(path)
			refused(t, "a private key", err, row.key)
		})
	}
}

// A link is as safe as the folder that it is in and the folders above what it leads to.
func TestRead_followsLinks(t *testing.T) {
	t.Parallel()

	link := func(t *testing.T, mode fs.FileMode, target string) string {
		t.Helper()
		path := filepath.Join(filepath.Dir(inFolder(t, 0o755, mode, 0o600)), "link")
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed, open := inFolder(t, 0o755, 0o755, 0o600), inFolder(t, 0o755, 0o777, 0o600)

	_, err := Read(link(t, 0o755, closed))
	refused(t, "a link to a private file", err, "")
	_, err = Read(link(t, 0o777, closed))
	refused(t, "a link in an open folder", err, "can be replaced")
	_, err = Read(link(t, 0o755, open))
	refused(t, "a link into an open folder", err, "can be replaced")
	_, err = Read(link(t, 0o755, closed+"-gone"))
	refused(t, "a link to nothing", err, "cannot be read: no such file")
}

func TestRead_saysNoPath(t *testing.T) {
	t.Parallel()

	_, err := Read(filepath.Join(t.TempDir(), "gone"))
	if err == nil || err.Error() != "cannot be read: no such file or directory" {
		t.Errorf("%v", err)
	}
}

// What the system says of its mounts and what statfs says is the same.
func TestInReadOnlyMount_knowsTheMountsOfThisMachine(t *testing.T) {
	t.Parallel()

	if inReadOnlyMount(t.TempDir()) {
		t.Error("a folder that was just written to counts as read-only")
	}
	if runtime.GOOS != "linux" {
		return // no list of mounts to compare with
	}

	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	latest := map[string]bool{} // of several mounts on one folder the last one shows
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Fields(line)
		if strings.Contains(fields[1], `\`) {
			continue
		}
		options := strings.Split(fields[3], ",")
		latest[fields[1]] = options[0] == "ro"
	}
	for path, want := range latest {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if got := inReadOnlyMount(path); got != want {
			t.Errorf("%s: read-only %v, want %v", path, got, want)
		}
	}
}
