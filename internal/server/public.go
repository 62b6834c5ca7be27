package server

import (
	"errors"
	"net"
	"net/url"
)

// CheckPublicURL reports what is wrong with an address at which users are to reach the server.
func CheckPublicURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("want an address such as https://id.example.com")
	}

	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return errors.New("want https; http is for this machine's own address only")
	}

	return nil
}
