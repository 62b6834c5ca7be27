package e2e

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/api"
)

// samples are the code samples of the API page, by operation and language.
func (w *world) samples() map[string]map[string]string {
	w.t.Helper()
	_, text := w.fetch("/docs/samples.json", false)
	var found map[string][]struct{ Label, Source string }
	if err := json.Unmarshal(text, &found); err != nil {
		w.t.Fatal(err)
	}

	samples := map[string]map[string]string{}
	for operation, list := range found {
		samples[operation] = map[string]string{}
		for _, s := range list {
			samples[operation][s.Label] = s.Source
		}
	}

	return samples
}

func TestSamples_areThereInEveryLanguage(t *testing.T) {
	t.Parallel()
	samples := start(t).samples()
	for _, operation := range []string{
		"signup", "login", "submitSecondFactor", "refreshToken", "refreshTokenPair", "getSession", "endSession", "getProfile", "requestPasswordReset", "resetPassword",
	} {
		for _, language := range []string{"TypeScript", "Swift", "Go", "curl"} {
			if samples[operation][language] == "" {
				t.Errorf("%s has no sample in %s", operation, language)
			}
		}
	}
}

// The lines of curl are run as the page shows them, against a server of the test.
func TestSamples_curlWorksAsShown(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("left out: the samples of curl need curl (apt-get install curl)")
	}
	w := mailing(t, withFactors)
	samples := w.samples()
	environment := map[string]string{}
	shown := func(operation string) answer {
		t.Helper()
		script := strings.ReplaceAll(samples[operation]["curl"], "https://auth.example.com", w.url)
		shell := exec.Command("bash", "-eu", "-c", strings.Replace(script, "curl ", "curl -s --noproxy '*' -w '\\n\\t%{http_code}' ", 1))
		for name, value := range environment {
			shell.Env = append(shell.Env, name+"="+value)
		}
		shell.Env = append(shell.Env, "PATH=/usr/local/bin:/usr/bin:/bin")
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", operation, err, out)
		}
		body, status, _ := strings.Cut(string(out), "\n\t")
		number, err := strconv.Atoi(status)
		if err != nil {
			t.Fatalf("%s: %s", operation, out)
		}

		return answer{t: t, Body: body, Status: number}
	}

	signup := shown("signup").wants(200)
	environment["ACCESS_TOKEN"], environment["REFRESH_TOKEN"] = signup.text("meta.access_token"), signup.text("meta.refresh_token")
	if email := shown("getProfile").wants(200).text("email"); email != ada {
		t.Errorf("the profile is of %s", email)
	}
	shown("getSession").wants(200)
	shown("refreshToken").wants(200)
	shown("refreshTokenPair").wants(200)

	w.exec("UPDATE email_addresses SET verified_at = created_at")
	v := &visitor{w: w, access: environment["ACCESS_TOKEN"]}
	v.post(reauthPath, "password", "a long enough password").wants(200)
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(200)
	codes := v.recoveryCodes()
	shown("endSession").wants(401)
	shown("getSession").wants(401)

	pending := shown("login").waits("mfa_authenticate")
	environment["SESSION_TOKEN"], environment["CODE"] = pending.text("meta.session_token"), codes[0]
	shown("submitSecondFactor").wants(200)

	shown("requestPasswordReset").wants(200)
	w.delivered()
	letters := w.letters(ada)
	found := regexp.MustCompile(`/reset/([\w-]{20,})`).FindStringSubmatch(letters[len(letters)-1].text)
	if found == nil {
		t.Fatalf("no key in %q", letters[len(letters)-1].text)
	}
	environment["KEY"] = found[1]
	shown("resetPassword").wants(401)
	w.call("POST", loginPath, credentials(ada, "another horse battery")).waits("mfa_authenticate")
}

// The document for generators has no samples: those are the page's.
func TestSamples_areNotInTheDocument(t *testing.T) {
	t.Parallel()
	text, err := api.GetSpecJSON()
	if err != nil || strings.Contains(string(text), "x-codeSamples") {
		t.Errorf("%v: openapi.json has samples", err)
	}
}
