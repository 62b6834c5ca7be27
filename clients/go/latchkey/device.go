package latchkey

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// deviceHeader carries the device token of an earlier sign-in.
	deviceHeader = "X-Latchkey-Device"
	// nameHeader carries what the user's list of sessions calls the device.
	nameHeader = "X-Device-Name"
)

// maxDeviceName is the most characters of a name that the server takes.
const maxDeviceName = 64

// maxDeviceToken is more than any device token has.
const maxDeviceToken = 256

// deviceDoer adds the device's name and the stored device token to requests that sign in, or go on
// with a sign-in.
// The server counts wrong passwords and messages of a known device separately, so that
// strangers who guess do not lock the user out.
type deviceDoer struct {
	s    *Session
	base HttpRequestDoer
}

// Do implements HttpRequestDoer.
func (d deviceDoer) Do(r *http.Request) (*http.Response, error) {
	if !d.s.signsIn(r) {
		return d.base.Do(r)
	}

	r = r.Clone(r.Context())
	if token := d.s.storedDevice(); token != "" {
		r.Header.Set(deviceHeader, token)
	}
	if d.s.deviceName != "" {
		r.Header.Set(nameHeader, d.s.deviceName)
	}

	return d.base.Do(r)
}

// signsIn reports whether a request belongs to a sign-in: it is for the authentication part of
// the protocol, and carries no session. A refresh does not count as one.
func (s *Session) signsIn(r *http.Request) bool {
	operation := s.operation(r)
	if operation == "" || isRefresh(operation) || r.Header.Get("Authorization") != "" {
		return false
	}

	return strings.Contains(r.URL.Path, "/app/v1/auth/")
}

// storedDevice returns the device token of the last sign-in, "" where there is none. A store that
// cannot be read, or holds anything else, does not stop a sign-in.
func (s *Session) storedDevice() string {
	text, err := s.store.Read(SlotDevice)
	if err != nil || !isDeviceToken(string(text)) {
		return ""
	}

	return string(text)
}

// keepDevice stores the device token of a session that has just been stored. The sign-in is
// good without it, so that a failure counts for nothing.
func (s *Session) keepDevice(token string) {
	if isDeviceToken(token) {
		_ = s.store.Write(SlotDevice, []byte(token))
	}
}

// forgetDevice removes the device token.
func (s *Session) forgetDevice() { _ = s.store.Write(SlotDevice, nil) }

// isDeviceToken reports whether a text can be a device token. A header takes visible ASCII
// only: anything else would make every sign-in fail.
func isDeviceToken(text string) bool {
	if text == "" || len(text) > maxDeviceToken {
		return false
	}

	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' })
}

// checkDeviceName refuses a name that no header takes, or the server does not.
func checkDeviceName(name string) error {
	if utf8.RuneCountInString(name) > maxDeviceName {
		return fmt.Errorf("latchkey: DeviceName has more than %d characters", maxDeviceName)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return errors.New("latchkey: DeviceName has a control character, or is not UTF-8")
	}

	return nil
}
