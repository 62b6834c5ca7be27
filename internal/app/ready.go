package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

type readyCommand struct {
	JSON jsonFlag `name:"json" help:"Print the server's answer even if it is not ready."`
}

// Help is shown by `latchkey ready --help`.
func (readyCommand) Help() string {
	return "Asks the listener for operators of the server on this machine (LATCHKEY_OPS_ADDR): for the health check of a container. Exit code 0: ready, 1: not."
}

// readyWithin is how long the server has to answer.
const readyWithin = 2 * time.Second

// Run asks the server, and prints what it answers.
func (readyCommand) Run(sh *shell) error {
	settings, err := sh.settings()
	if err != nil {
		return err
	}
	address, err := reachable(settings.Ops.Addr)
	if err != nil {
		return err
	}

	request, err := http.NewRequestWithContext(sh.ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: readyWithin}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()

	const most = 4096
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	text := strings.TrimSpace(string(body))
	if answer.StatusCode != http.StatusOK {
		if sh.json {
			_, _ = fmt.Fprintln(sh.out, text)
		}

		return fmt.Errorf("not ready: %s", text)
	}
	_, err = fmt.Fprintln(sh.out, text)

	return err
}

// reachable is the address at which a listener is reached from the same machine.
func reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", errors.New("LATCHKEY_OPS_ADDR is off: the server has no listener for operators")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}

	return net.JoinHostPort(host, port), nil
}
