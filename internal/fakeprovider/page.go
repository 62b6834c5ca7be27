package fakeprovider

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

// page escapes whatever it shows: everything on it comes from a URL.
var page = template.Must(template.New("page").Parse(pageText))

// exampleScheme is that of clients/typescript/example; schemes of other apps have a dot in
// them.
const exampleScheme = "latchkeyexample"

// asked is what an app wants of a sign-in.
type asked struct {
	Provider, Title, ClientID, Nonce, RedirectURI, State string
	Email, Problem                                       string
	Unverified                                           bool
}

var titles = map[string]string{Apple: "Apple", Google: "Google", OIDC: "OpenID Connect"}

// ask reads what an app wants, and says what is wrong with it.
func (s *Server) ask(r *http.Request) (asked, string) {
	a := asked{
		Provider: r.PathValue("provider"), ClientID: r.FormValue("client_id"), Nonce: r.FormValue("nonce"),
		RedirectURI: r.FormValue("redirect_uri"), State: r.FormValue("state"),
	}

	a.Title = titles[a.Provider]
	if !slices.Contains(ClientIDs(a.Provider), a.ClientID) {
		return a, "client_id is none of this provider's; the apps' ids are " + strings.Join(ClientIDs(a.Provider), " and ")
	}

	if !mayReturnTo(a.RedirectURI) {
		return a, "redirect_uri must be http on this machine, or an app's own scheme"
	}

	return a, ""
}

// mayReturnTo: Security: a token goes to this machine or to an app on it, never to a site
// elsewhere, and never into a scheme that runs what follows it
// (TestSignIn_returnsToThisMachineAlone).
func mayReturnTo(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || strings.Contains(address, "#") {
		return false
	}

	if u.Scheme == "http" || u.Scheme == "https" {
		ip := net.ParseIP(u.Hostname())
		return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	}

	return u.Scheme == exampleScheme || strings.Contains(u.Scheme, ".")
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request) {
	a, problem := s.ask(r)
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}

	show(w, http.StatusOK, a)
}

func show(w http.ResponseWriter, status int, a asked) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// No form-action: Chromium holds it against the redirect to an app as well.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_ = page.Execute(w, a)
}

// signIn redirects the user to the app with an id_token in the fragment.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)

	a, problem := s.ask(r)
	if problem != "" {
		http.Error(w, problem, http.StatusBadRequest)
		return
	}

	a.Email, a.Unverified = strings.TrimSpace(r.PostFormValue("email")), r.PostFormValue("unverified") != ""

	sub := strings.TrimSpace(r.PostFormValue("sub"))
	if a.Email == "" && sub == "" {
		a.Problem = "Type an address, or an id for a user without an address."
		show(w, http.StatusUnprocessableEntity, a)
		return
	}

	if sub == "" {
		sub = SubjectFor(a.Provider, a.Email)
	}

	given, family, _ := strings.Cut(strings.TrimSpace(r.PostFormValue("name")), " ")

	fragment := url.Values{"id_token": {s.Token(Claims{
		Provider: a.Provider, ClientID: a.ClientID, Sub: sub, Email: a.Email, EmailVerified: !a.Unverified, Nonce: a.Nonce, GivenName: given, FamilyName: family,
	})}}
	if a.Provider == Apple {
		fragment.Set("code", s.Code(a.ClientID, sub))
	}

	if a.State != "" {
		fragment.Set("state", a.State)
	}

	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", a.RedirectURI+"#"+fragment.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// tokenFor makes an id_token for a test of a client, without a page.
func (s *Server) tokenFor(w http.ResponseWriter, r *http.Request) {
	provider := r.PathValue("provider")
	var body struct {
		ClientID      string         `json:"client_id"`
		Sub           string         `json:"sub"`
		Email         string         `json:"email"`
		EmailVerified any            `json:"email_verified"`
		Nonce         string         `json:"nonce"`
		GivenName     string         `json:"given_name"`
		FamilyName    string         `json:"family_name"`
		Claims        map[string]any `json:"claims"`
		Event         string         `json:"event"` // of Apple's: a notification about sub is made, too
	}
	// Security: a page elsewhere can send a form or plain text to this machine, and JSON only
	// if we let it (TestTokenFor_takesJSONAlone).
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(media) != "application/json" {
		answer(w, http.StatusUnsupportedMediaType, map[string]string{"error": "want application/json"})
		return
	}

	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&body); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": "want a JSON object"})
		return
	}

	c := Claims{
		Provider: provider, ClientID: body.ClientID, Sub: body.Sub, Email: body.Email, EmailVerified: body.EmailVerified, Nonce: body.Nonce,
		GivenName: body.GivenName, FamilyName: body.FamilyName, Overrides: body.Claims,
	}
	if c.ClientID == "" {
		c.ClientID = ClientIDs(provider)[0]
	}

	if c.Sub == "" {
		c.Sub = SubjectFor(provider, c.Email)
	}

	made := map[string]string{"id_token": s.Token(c), "client_id": c.ClientID, "sub": c.Sub}
	if provider == Apple {
		made["code"] = s.Code(c.ClientID, c.Sub)
		made["notification"] = s.Notification(Event{Type: body.Event, Sub: c.Sub, ClientID: c.ClientID})
	}

	answer(w, http.StatusOK, made)
}
