package latchkey

import (
	"net/http"
	"strings"
)

// deviceHeader carries the device token of an earlier sign-in.
const deviceHeader = "X-Latchkey-Device"

// maxDeviceToken is more than any device token has.
const maxDeviceToken = 256

// deviceDoer keeps the device token that a sign-in hands out, and sends it with the steps of
// later ones. The server then counts wrong passwords and messages of this device by
// themselves, so that strangers who guess do not lock its user out.
//
// The token signs nobody in. It stays in the store after a sign-out, and its loss costs nothing
// else: a store that cannot keep it does not stop a sign-in.
type deviceDoer struct {
	s    *Session
	base HttpRequestDoer
}

// Do implements HttpRequestDoer.
func (d deviceDoer) Do(r *http.Request) (*http.Response, error) {
	operation := d.s.operation(r)
	signsIn := operation != "" && operation != refreshOperation && strings.Contains(r.URL.Path, "/app/v1/auth/") && r.Header.Get("Authorization") == ""
	if !signsIn {
		return d.base.Do(r)
	}

	if token, err := d.s.store.Read(SlotDevice); err == nil && len(token) > 0 && len(token) <= maxDeviceToken {
		r = r.Clone(r.Context())
		r.Header.Set(deviceHeader, string(token))
	}

	response, err := d.base.Do(r)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	a, err := readAnswer(operation, response, false)
	if err != nil {
		return nil, err
	}
	if token := a.Meta.DeviceToken; a.documented && token != "" && len(token) <= maxDeviceToken {
		_ = d.s.store.Write(SlotDevice, []byte(token)) // the sign-in is good without
	}

	return response, nil
}
