package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// The names that allauth gives to the addresses of links.
const (
	linkConfirmEmail = "account_confirm_email"
	linkReset        = "account_reset_password_from_key"
	linkResetStart   = "account_reset_password"
	linkSignup       = "account_signup"
	// linkUndo is ours.
	linkUndo = "account_undo"
	// linkSocialError is allauth's too; no message of ours leads there.
	linkSocialError = "socialaccount_login_error"
)

// The names that allauth gives to pages that no message leads to: password managers look for them
// below /.well-known/. Pages has those that are set.
const (
	PageChangePassword = "account_change_password"
	PageAddPasskey     = "mfa_add_webauthn"  //nolint:gosec // the name of a page
	PageListPasskeys   = "mfa_list_webauthn" //nolint:gosec // the name of a page
)

const keyPlace = "{key}"

// links returns the addresses that HEADLESS_FRONTEND_URLS names.
//
// Security: every link is made of these alone; nothing of a request, such as its Host
// header, has a part in them (TestRender_linksAreTheOperatorsAlone).
func (s Settings) links() (map[string]string, error) {
	links := map[string]string{}
	if s.FrontendURLs == "" {
		return links, nil
	}

	if err := json.Unmarshal([]byte(s.FrontendURLs), &links); err != nil {
		return nil, errors.New(`HEADLESS_FRONTEND_URLS: want a JSON object such as {"account_confirm_email": "https://app.example.com/verify-email/{key}"}`)
	}

	for name, address := range links {
		if err := checkLink(name, address); err != nil {
			return nil, fmt.Errorf("HEADLESS_FRONTEND_URLS: %s: %w", name, err)
		}
	}

	return links, nil
}

// Pages are the addresses that HEADLESS_FRONTEND_URLS names.
func (s Settings) Pages() map[string]string {
	pages, _ := s.links() // Check has reported the mistakes

	return pages
}

// plainURL leaves out what would end a link early, in a text or in a page.
var plainURL = regexp.MustCompile(`^[!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~{}-]+$`)

func checkLink(name, address string) error {
	places := 0
	switch name {
	case linkConfirmEmail, linkReset, linkUndo:
		places = 1
	case linkResetStart, linkSignup, linkSocialError:
	case PageChangePassword, PageAddPasskey, PageListPasskeys:
		if !strings.HasPrefix(address, "https://") {
			return errors.New("want https: browsers and password managers open it")
		}
	default:
		return errors.New("no link has this name")
	}

	if strings.Count(address, keyPlace) != places {
		if places == 1 {
			return errors.New("want {key} in it, once")
		}

		return errors.New("want no {key} in it")
	}

	bare := strings.Replace(address, keyPlace, "key", 1)

	u, err := url.Parse(bare)
	if err != nil || !plainURL.MatchString(address) || strings.ContainsAny(bare, "{}") {
		return errors.New("is no address")
	}

	if places == 1 && strings.Contains(address[:len(u.Scheme)+len("://")+len(u.Host)], "{") {
		return errors.New("want {key} behind the host")
	}

	return checkScheme(u)
}

// checkScheme admits https, an app's own scheme, and http for a machine's own address.
func checkScheme(u *url.URL) error {
	switch {
	case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "http" && loopback.Is(u.Hostname()):
		return nil
	case u.Scheme == "" || slices.Contains([]string{"http", "https", "javascript", "data", "file", "vbscript", "about", "blob"}, u.Scheme):
		return errors.New("want https, or a scheme of your app")
	}

	return nil
}

// UndoPath is the path of the page that this server shows to those who open an undo link.
const UndoPath = "/account/undo/"

// UndoBelow makes undo links lead to the server's own page below its public address, unless
// HEADLESS_FRONTEND_URLS names another. Call it before Start.
func (o *Outbox) UndoBelow(address string) {
	if o.templates.links[linkUndo] == "" {
		o.templates.links[linkUndo] = strings.TrimSuffix(address, "/") + UndoPath + keyPlace
	}
}

// Undoes reports whether undo links lead anywhere.
func (o *Outbox) Undoes() bool { return o.templates.links[linkUndo] != "" }

// LinkBelow makes the links for which HEADLESS_FRONTEND_URLS says nothing lead below an
// address, such as http://127.0.0.1:8080: for latchkey dev, and before Start.
func (o *Outbox) LinkBelow(address string) {
	for name, path := range map[string]string{
		linkConfirmEmail: "/verify-email/{key}", linkReset: "/password/reset/key/{key}",
		linkResetStart: "/password/reset", linkSignup: "/signup", linkUndo: UndoPath + keyPlace,
	} {
		if o.templates.links[name] == "" {
			o.templates.links[name] = address + path
		}
	}
}
