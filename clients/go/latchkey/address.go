package latchkey

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseAddress reads the URL of a server. Capitals, the usual port, `..` and slashes at the end
// play no role. A mistake is an error: what is taken here is used without another look.
//
// Security: a password or token would cross the network in clear over http.
func parseAddress(text string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL") // the error of url.Parse repeats the text
	}

	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it begins with https:// or http://")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("it names a host")
	case u.User != nil:
		return nil, errors.New("it has no user name and no password")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("it has no query")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("it has no fragment")
	}

	host, err := canonicalHost(u)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "http" && !insecure && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("http sends tokens in clear to %s: use https, or allow it by WithInsecureHTTP", u.Hostname())
	}

	u.Host = host
	u = u.JoinPath("/")
	path := strings.TrimRight(u.Path, "/")
	raw := strings.TrimRight(u.RawPath, "/")
	u.Path, u.RawPath = path, raw

	return u, nil
}

// parseOrigin reads the URL of an API of the app's own, which has no path.
func parseOrigin(text string, insecure bool) (string, error) {
	u, err := parseAddress(text, insecure)
	if err != nil {
		return "", err
	}
	if u.Path != "" {
		return "", errors.New("it has no path: the token goes to the whole origin")
	}

	return originOf(u), nil
}

// canonicalHost is the host in lower case, with its port where that is not the usual one.
func canonicalHost(u *url.URL) (string, error) {
	name := hostOf(u)
	if name == "" || strings.Contains(name+".", "..") || strings.HasPrefix(name, ".") {
		return "", errors.New("its host has an empty part")
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", errors.New("its host is in ASCII: write a domain with other letters in its xn-- form")
	}

	port := u.Port()
	if strings.HasSuffix(u.Host, ":") {
		port = ""
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return "", errors.New("its port is between 1 and 65535")
	}

	if port == usualPort(u.Scheme) {
		port = ""
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" {
		return name, nil
	}

	return name + ":" + port, nil
}

// hostOf is the host in lower case. A dot at the end says that the name is whole, as it is anyway.
func hostOf(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

func usualPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}

	return "80"
}

// originOf is the scheme, host and port of a URL (RFC 6454), in one spelling.
func originOf(u *url.URL) string {
	scheme := strings.ToLower(u.Scheme)
	port := u.Port()
	if port == "" {
		port = usualPort(scheme)
	}

	return scheme + "://" + net.JoinHostPort(hostOf(u), port)
}

// isLoopback reports whether a host is this machine by its loopback interface: what is sent
// there crosses no network.
func isLoopback(host string) bool {
	if strings.TrimSuffix(strings.ToLower(host), ".") == "localhost" {
		return true
	}

	ip, err := netip.ParseAddr(host)

	return err == nil && ip.Unmap().IsLoopback()
}
