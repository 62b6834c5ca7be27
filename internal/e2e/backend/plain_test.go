package backend

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// envJava names the variable that asks for the Java program too: it needs a JDK and Maven.
const envJava = "LATCHKEY_TEST_VERIFY_JAVA"

// Libraries that compare alg, iss, aud and exp, and know nothing of token_use, must not take
// a refresh token for an access token: it lives a day, and no sign-out ends it there.
func TestDocs_ordinaryLibrariesRefuseRefreshTokens(t *testing.T) {
	t.Parallel()
	i := install(t)

	t.Run("jwx", func(t *testing.T) {
		t.Parallel()
		bin := filepath.Join(t.TempDir(), "program")
		must(t, ".", "go", "build", "-o", bin, written(t, t.TempDir(), "plain.go"))
		i.takesAccessTokensOnly(t, bin)
	})
	t.Run("PyJWT", func(t *testing.T) {
		t.Parallel()
		asked(t, env)
		dir := t.TempDir()
		i.takesAccessTokensOnly(t, python(t, dir), written(t, dir, "plain.py"))
	})
	t.Run("jose", func(t *testing.T) {
		t.Parallel()
		asked(t, env)
		dir := t.TempDir()
		installNode(t, dir)
		i.takesAccessTokensOnly(t, "node", written(t, dir, "plain.mjs"))
	})
	t.Run("Spring Security", func(t *testing.T) {
		t.Parallel()
		asked(t, envJava)
		dir := t.TempDir()
		copied(t, "spring/pom.xml", filepath.Join(dir, "pom.xml"))
		classes := filepath.Join(dir, "classpath")
		must(t, dir, "mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath", "-Dmdep.outputFile="+classes)
		path, err := os.ReadFile(classes)
		if err != nil {
			t.Fatal(err)
		}
		i.takesAccessTokensOnly(t, "java", "-cp", string(path), written(t, dir, "Plain.java"))
	})
}

func asked(t *testing.T, variable string) {
	t.Helper()
	if os.Getenv(variable) == "" {
		t.Skip("make test-verify runs it")
	}
}

// takesAccessTokensOnly runs a program that prints the subject of a token, once a token.
func (i *installation) takesAccessTokensOnly(t *testing.T, name string, args ...string) {
	t.Helper()
	run := func(token string) (string, error) {
		cmd := exec.Command(name, append(args, token)...)
		cmd.Env = append(os.Environ(), "LATCHKEY_URL="+i.url)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, said.String())
		}

		return strings.TrimSpace(string(out)), err
	}

	if subject, err := run(i.access); err != nil || subject != i.subject {
		t.Fatalf("an access token: got %q, %v, want %q", subject, err, i.subject)
	}
	for what, token := range map[string]string{
		"a refresh token": i.refresh,
		"a session token": i.session,
		"an expired one": i.forged(i.key, i.member("exp"), fmt.Sprintf(`"exp":%d`, time.Now().Unix()-600),
			i.member("iat"), fmt.Sprintf(`"iat":%d`, time.Now().Unix()-900)),
	} {
		if subject, err := run(token); err == nil {
			t.Errorf("%s: got %q, want a refusal", what, subject)
		}
	}
}

func TestDocs_aStrongCallNeedsAFreshProofAndASecondFactor(t *testing.T) {
	t.Parallel()
	i := install(t)
	bin := filepath.Join(t.TempDir(), "program")
	must(t, ".", "go", "build", "-o", bin, written(t, t.TempDir(), "stepup.go"))
	url := program(t, i.url, bin)

	now := time.Now().Unix()
	proof := func(ago int64, amr string) string {
		return i.forged(i.key, `{"aud"`, fmt.Sprintf(`{"auth_time":%d,"amr":%s,"aud"`, now-ago, amr))
	}
	for name, row := range map[string]struct {
		token string
		want  int
	}{
		"just signed up, no proof":   {i.access, 401},
		"a password, now":            {proof(1, `["pwd"]`), 401},
		"two factors, an hour ago":   {proof(3600, `["mfa","otp","pwd"]`), 401},
		"two factors, now":           {proof(1, `["mfa","otp","pwd"]`), 200},
		"a claim of the wrong kind":  {proof(1, `"mfa"`), 401},
		"an attacker's claim inside": {proof(1, `[["mfa"]]`), 401},
	} {
		answer, body := get(t, url, "Bearer "+row.token)
		if answer.StatusCode != row.want {
			t.Errorf("%s: got %d %s, want %d", name, answer.StatusCode, body, row.want)
		}
		challenged := strings.Contains(answer.Header.Get("WWW-Authenticate"), `error="insufficient_user_authentication"`)
		if row.want == 401 && !challenged {
			t.Errorf("%s: WWW-Authenticate: %q", name, answer.Header.Get("WWW-Authenticate"))
		}
	}
}
