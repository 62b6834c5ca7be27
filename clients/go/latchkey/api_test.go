package latchkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	token2 "go/token"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAPI_signsInByItself(t *testing.T) {
	server := newAccounts(t)
	s := server.open(t, Settings{})
	answer, err := s.API().LoginWithResponse(t.Context(), LoginRequest{Email: "ada", Password: "p"})
	must(t, err)
	is(t, s, "ada")
	if answer.JSON200 == nil || answer.JSON200.Data.User.ID != "7" {
		t.Errorf("%+v", answer.JSON200)
	}
	access, refresh := pairOf("ada", 1)
	for _, secret := range []string{access, refresh, "lkst_secret"} {
		if strings.Contains(string(answer.Body), secret) || strings.Contains(fmt.Sprintf("%v", answer.JSON200), secret) {
			t.Errorf("the answer shows a token: %s", answer.Body)
		}
	}
}

// The server would end the session of a Bearer that comes with a sign-in.
func TestAPI_signInGoesWithoutTheSession(t *testing.T) {
	server := newAccounts(t)
	store := &rejectingStore{}
	s := server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "ada"))
	server.requests()

	store.full.Store(true)
	request := ProviderTokenRequest{Provider: "google", Process: "login", Token: ProviderToken{IDToken: "eve"}}
	var failed *StoreError
	if _, err := s.API().SubmitProviderTokenWithResponse(t.Context(), request); !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
	is(t, s, "ada")
	if got := server.requests(); !slices.Equal(got, []string{"POST auth/provider/token", "DELETE auth/session eve"}) {
		t.Errorf("sent %q", got)
	}

	request.Process = "connect" // is of the signed-in user
	_, _ = s.API().SubmitProviderTokenWithResponse(t.Context(), request)
	if got := server.requests(); got[0] != "POST auth/provider/token ada" {
		t.Errorf("sent %q", got)
	}
}

// A step of a sign-in that is not pending any more does not go with the session that is there.
func TestAPI_stepsOfASignInNeverGoWithTheSession(t *testing.T) {
	server := newAccounts(t)
	s := server.open(t, Settings{})
	must(t, signIn(t, s, "ada"))
	server.requests()
	_, err := s.API().SubmitSecondFactorWithResponse(t.Context(), CodeRequest{Code: "314159"})
	must(t, err)
	_, err = s.API().ConfirmLoginCodeWithResponse(t.Context(), CodeRequest{Code: "314159"})
	must(t, err)
	if got := server.requests(); !slices.Equal(got, []string{"POST auth/2fa/authenticate", "POST auth/code/confirm"}) {
		t.Errorf("sent %q", got)
	}
	is(t, s, "ada")
}

func TestAPI_doesNotRefreshByHand(t *testing.T) {
	server := newAccounts(t)
	s := server.open(t, Settings{})
	must(t, signIn(t, s, "ada"))
	before := s.Tokens()
	request := RefreshTokenRequest{Refresh: before.Refresh}
	if _, err := s.API().RefreshToken(t.Context(), &RefreshTokenParams{}, request); err == nil {
		t.Error("the token of the session is spent behind its back")
	}
	if s.Tokens() != before || len(server.spends()) > 0 {
		t.Errorf("spent %q", server.spends())
	}
}

// A code for the user's own address goes with their session, also where a sign-up is pending.
func TestAPI_stepsGoWhereTheLastBeginningWas(t *testing.T) {
	server := newAccounts(t)
	server.asksForFactor("other", true)
	s := server.open(t, Settings{})
	ctx := t.Context()
	must(t, signIn(t, s, "ada"))
	must(t, signIn(t, s, "other"))

	verify := func(want string) {
		t.Helper()
		server.requests()
		server.atStep(func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(wrongCode))

			return true
		})
		_, err := s.API().VerifyEmailWithResponse(ctx, VerifyEmailRequest{Key: "c"})
		must(t, err)
		if got := server.requests(); !slices.Equal(got, []string{"POST auth/email/verify " + want}) {
			t.Errorf("sent %q, want it with %s", got, want)
		}
	}
	verify("lkst_other")
	server.atStep(nil)
	must(t, s.VerifyOwnEmail(ctx, "c"))
	if got := server.requests(); !slices.Equal(got, []string{"POST auth/email/verify ada"}) {
		t.Errorf("VerifyOwnEmail sent %q", got)
	}
	must(t, s.AddEmail(ctx, "further"))
	verify("ada")
	must(t, signIn(t, s, "other"))
	verify("lkst_other")
}

// secretsOf are what no object may show.
func secretsOf(s *Session) []string {
	tokens := s.Tokens()

	return []string{tokens.Access, tokens.Refresh, tokens.IdempotencyKey, "lkst_other", "lkst_secret", "lkdt_device"}
}

// all prints an object with every verb and as JSON.
func all(object any) string {
	text := fmt.Sprintf("%v %+v %#v %s %q %x %d", object, object, object, object, object, object, object)
	if encoded, err := json.Marshal(object); err == nil {
		text += string(encoded)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "o", object)

	return text + logged.String()
}

// sending is a client that prints as an address: those of net/http change while they print.
type sending sender

func (s sending) Do(r *http.Request) (*http.Response, error) { return s(r) }

func TestSecrets_nothingPrintsThem(t *testing.T) {
	server := newAccounts(t)
	server.asksForFactor("other", true)
	store := &MemoryStore{}
	send := sending(http.DefaultClient.Do)
	s := server.open(t, Settings{Store: store, Options: []ClientOption{WithHTTPClient(send)}})
	must(t, signIn(t, s, "ada"))
	s.keepDevice("lkdt_device")
	must(t, signIn(t, s, "other"))
	answer, err := s.API().GetSessionWithResponse(t.Context())
	must(t, err)
	client := &http.Client{Transport: s.Transport(nil)}
	got, err := client.Get(server.URL + "/api")
	must(t, err)
	must(t, got.Body.Close())

	for name, object := range map[string]any{
		"Session":           s,
		"a copy of it":      reflect.ValueOf(s).Elem().Interface(),
		"API":               s.API(),
		"its client":        s.API().ClientInterface,
		"Transport":         client.Transport,
		"http.Client":       client,
		"Tokens":            s.Tokens(),
		"a pointer":         &Tokens{Refresh: s.Tokens().Refresh},
		"a list":            []Tokens{s.Tokens()},
		"a struct":          struct{ S *Session }{s},
		"a closed struct":   struct{ s *Session }{s},
		"a store in it":     struct{ s Store }{store},
		"MemoryStore":       store,
		"a copy of a store": reflect.ValueOf(store).Elem().Interface(),
		"an answer":         answer,
		"its body":          string(answer.Body),
		"a request":         got.Request,
	} {
		t.Run(name, func(t *testing.T) {
			text := all(object)

			for _, secret := range secretsOf(s) {
				bytes := strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]") // as a slice of bytes prints
				for _, form := range []string{secret, fmt.Sprintf("%x", secret), bytes} {
					if strings.Contains(text, form) {
						t.Errorf("it shows %s", text)
					}
				}
			}
		})
	}
}

// Each generated type that has a token, a password, a code or a secret prints without it.
func TestSecrets_ofGeneratedTypes(t *testing.T) {
	file, err := parser.ParseFile(token2.NewFileSet(), "client.gen.go", nil, parser.SkipObjectResolution)
	must(t, err)
	own, err := os.ReadFile("secret_types.go")
	must(t, err)
	secret := regexp.MustCompile(`^(\w*Token|Refresh|\w*Password|Secret|UnusedCodes|Key|Code|X\w*Key)$`)
	harmless := []string{"Problem", "ProviderTokenRequest"} // a word; what it has prints by itself

	found := 0
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			named, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			fields, ok := named.Type.(*ast.StructType)
			if !ok || slices.Contains(harmless, named.Name.Name) {
				continue
			}
			for _, f := range fields.Fields.List {
				kind, plain := f.Type.(*ast.Ident)
				if len(f.Names) != 1 || !secret.MatchString(f.Names[0].Name) || plain && kind.Name == "bool" {
					continue
				}
				found++
				if !strings.Contains(string(own), "func ("+named.Name.Name+") Format(") {
					t.Errorf("%s prints its %s", named.Name.Name, f.Names[0].Name)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d found", found)
	}
	request, credentials := ProviderTokenRequest{Token: ProviderToken{IDToken: "s3cret"}}, &LoginRequest{Password: "s3cret"}
	if text := fmt.Sprintf("%+v %#v", request, credentials); strings.Contains(text, "s3cret") {
		t.Error(text)
	}
}
