package latchkey

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAnswer_actionFollowsTheTable(t *testing.T) {
	const ours401 = `{"status":401,"data":{"flows":[{"id":"login"}]},"meta":{"is_authenticated":false}}`
	for name, c := range map[string]struct {
		operation string
		status    int
		body      string
		bearer    bool
		want      Action
	}{
		"a stale token":              {"getProfile", 401, ours401, true, ActionRefresh},
		"nobody":                     {"getProfile", 401, ours401, false, ActionShow},
		"a step is pending":          {"login", 401, strings.Replace(ours401, `"login"`, `"verify_email","is_pending":true`, 1), false, ActionContinueFlow},
		"prove it again":             {"getProfile", 401, strings.Replace(ours401, "false", "true", 1), true, ActionReauthenticate},
		"signed out":                 {"endSession", 401, ours401, true, ActionProceed},
		"a terminal code":            {"refreshToken", 400, `{"status":400,"errors":[{"code":"session_ended"}]}`, false, ActionSignOut},
		"another code":               {"refreshToken", 400, `{"status":400,"errors":[{"code":"required"}]}`, false, ActionShow},
		"that code elsewhere":        {"login", 400, `{"status":400,"errors":[{"code":"session_ended"}]}`, false, ActionShow},
		"that code with 403":         {"refreshToken", 403, `{"status":403,"errors":[{"code":"session_ended"}]}`, false, ActionRetry},
		"that code, another status":  {"refreshToken", 400, `{"status":200,"errors":[{"code":"session_ended"}]}`, false, ActionRetry},
		"no JSON":                    {"getProfile", 401, "<html>", true, ActionRetry},
		"a status nobody documented": {"refreshToken", 418, `{"status":418}`, false, ActionRetry},
		"too many":                   {"login", 429, `{"status":429,"errors":[]}`, false, ActionWait},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body))}
			a, err := readAnswer(c.operation, r, c.bearer)
			if err != nil || a.action != c.want {
				t.Errorf("%v, %v; want %s", a.action, err, c.want)
			}
			if again, _ := io.ReadAll(r.Body); string(again) != c.body {
				t.Errorf("whoever reads next gets %q", again)
			}
		})
	}
}

func TestAnswer_retryAfterIsSecondsWithinAnHour(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "999999999": time.Hour, "Wed, 21 Oct 2026 07:28:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestOperation_isFoundByMethodAndPath(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/api/v1/users/profile/", "getProfile"},
		{"PATCH", "/api/v1/users/profile/", "updateProfile"},
		{"GET", "/api/v1/users/profile", ""},
		{"POST", "/_allauth/app/v1/auth/token/refresh", "refreshToken"},
		{"DELETE", "/_allauth/app/v1/auth/session", "endSession"},
		{"GET", "/orders/7", ""},
	} {
		if got := operationOf(c.method, c.path); got != c.want {
			t.Errorf("%s %s: %q", c.method, c.path, got)
		}
	}
}
