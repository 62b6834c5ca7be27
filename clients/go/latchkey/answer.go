package latchkey

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

const maxAnswerBytes = 1 << 20

// answer is one of Latchkey's answers, or what claims to be one.
type answer struct {
	Status int        `json:"status"`
	Data   answerData `json:"data"`
	Meta   struct {
		IsAuthenticated *bool  `json:"is_authenticated"`
		SessionToken    string `json:"session_token"`
		AccessToken     string `json:"access_token"`
		RefreshToken    string `json:"refresh_token"`
		DeviceToken     string `json:"device_token"`
		EndReason       string `json:"end_reason"`
	} `json:"meta"`
	Errors []Problem `json:"errors"`

	http       *http.Response
	documented bool   // it is JSON, and says the status that HTTP says
	action     Action // what to do with it
}

// answerData are the members of `data` that the session reads.
type answerData struct {
	User  User   `json:"user"`
	Flows []Flow `json:"flows"`
}

// UnmarshalJSON reads an object; in some answers `data` is a list, or has other members.
func (d *answerData) UnmarshalJSON(text []byte) error {
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	type plain answerData

	return json.Unmarshal(text, (*plain)(d))
}

// readAnswer reads an answer to the end and decides what is to be done with it. It fails
// only where the answer broke off.
func readAnswer(operation string, r *http.Response, bearerSent bool) (*answer, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswerBytes))
	_ = r.Body.Close()
	if err != nil {
		return nil, &NetworkError{Err: err}
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // whoever looks at it next can read it
	a := &answer{http: r}
	if json.Unmarshal(body, a) == nil && a.Status == r.StatusCode {
		a.documented = true
	} else {
		a = &answer{Status: r.StatusCode, http: r}
	}
	a.decide(operation, bearerSent)
	return a, nil
}

func (a *answer) decide(operation string, bearerSent bool) {
	a.action = ActionRetry // what the spec says of answers that it does not know
	if !a.documented {
		return
	}
	facts := answerFacts{
		isAuthenticated: a.Meta.IsAuthenticated != nil && *a.Meta.IsAuthenticated,
		flowPending:     len(pending(a.Data.Flows)) > 0,
		bearerSent:      bearerSent,
	}
	if len(a.Errors) > 0 {
		facts.code = a.Errors[0].Code
	}
	a.action = actionOf(operation, a.Status, facts)
}

// pending are the flows that the client must go on with.
func pending(flows []Flow) []Flow {
	var list []Flow
	for _, f := range flows {
		if f.IsPending != nil && *f.IsPending {
			list = append(list, f)
		}
	}
	return list
}

// undocumented turns the answer into one that the spec does not know: a 200 without what
// it must carry, say.
func (a *answer) undocumented() *Error {
	a.documented, a.action = false, ActionRetry
	return a.error()
}

// error describes an answer that is no success.
func (a *answer) error() *Error {
	return &Error{
		Status: a.http.StatusCode, Problems: a.Errors, Action: a.action,
		Undocumented: !a.documented, RetryAfter: retryAfter(a.http.Header), EndReason: a.Meta.EndReason,
	}
}

// maxRetryAfter is the longest wait that an answer can ask for.
const maxRetryAfter = time.Hour

func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}
