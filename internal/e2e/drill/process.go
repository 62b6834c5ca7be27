package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that the drill runs, kills and runs again.
type process struct {
	name    string
	command func() *exec.Cmd
	log     string // path of the file that has its output

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd
	done chan struct{}
}

// account is who runs the programs: PostgreSQL refuses root.
func (d *drill) account() *syscall.Credential {
	if d.uid == os.Getuid() {
		return nil
	}

	return &syscall.Credential{Uid: uint32(d.uid), Gid: uint32(d.gid)}
}

// program describes a program, which start runs.
func (d *drill) program(name string, environment []string, path string, args ...string) *process {
	p := &process{name: name, log: filepath.Join(d.dir, name+".log")}
	p.command = func() *exec.Cmd {
		cmd := exec.Command(path, args...)
		cmd.Dir = d.dir
		own := []string{
			"PATH=" + d.bin + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + d.dir, "LANG=C.UTF-8",
		}
		cmd.Env = append(own, environment...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.account(), Setpgid: true, Pdeathsig: syscall.SIGTERM}

		return cmd
	}
	d.processes = append(d.processes, p)

	return p
}

// start runs the program.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()

	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	done, started := make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig: the thread that started the program must not end before it
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.done = cmd, done

	return nil
}

// signal sends a signal to the program, where it runs.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(s)
	}
}

// ended is closed once the program has ended; nil where it was never started.
func (p *process) ended() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.done
}

// stop ends the program as its service manager does, and kills it where that takes too long.
func (p *process) stop(within time.Duration) error {
	ended := p.ended()
	if ended == nil {
		return nil
	}

	p.signal(syscall.SIGTERM)
	select {
	case <-ended:
		return nil
	case <-time.After(within):
	}
	p.kill()

	return fmt.Errorf("%s did not end within %v of SIGTERM", p.name, within)
}

// kill ends the program as a crash does.
func (p *process) kill() {
	if ended := p.ended(); ended != nil {
		p.signal(syscall.SIGKILL)
		<-ended
	}
}

// tail is the end of the program's output.
func (p *process) tail() string {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")

	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// postmaster is the process of the PostgreSQL of a data directory; 0 where none runs.
func postmaster(data string) int {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil || !runs(pid) {
		return 0
	}

	return pid
}

// runs reports whether there is such a process.
func runs(pid int) bool { return syscall.Kill(pid, 0) == nil }

// family is a process and its children: all of a PostgreSQL.
func family(pid int) []int {
	all := []int{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		words := strings.Fields(after)
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(words) > 1 && words[1] == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}

	return all
}

// signalAll sends a signal to several processes.
func signalAll(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, s)
	}
}

// endPostgres ends the PostgreSQL of a data directory, whatever state it is in.
func endPostgres(data string) error {
	pid := postmaster(data)
	if pid == 0 {
		return nil
	}

	signalAll(family(pid), syscall.SIGCONT)
	_ = syscall.Kill(pid, syscall.SIGQUIT)
	for range 100 {
		if !runs(pid) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}

	return errors.New("the PostgreSQL of " + data + " does not end")
}
