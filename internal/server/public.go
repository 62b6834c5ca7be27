package server

import (
	"errors"
	"net/url"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// CheckPublicURL reports what is wrong with an address at which users are to reach the server.
func CheckPublicURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("want an address such as https://id.example.com")
	}

	if u.Scheme != "https" && (u.Scheme != "http" || !loopback.Is(u.Hostname())) {
		return errors.New("want https; http is for this machine's own address only")
	}

	return nil
}
