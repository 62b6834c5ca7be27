package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
)

// providers is how the person connects another service and disconnects it, and how two
// others come by it. Without -services nobody signs tokens, and the refusals are played.
var providers = []step{
	{id: "createProviderNonce", want: []int{200}, then: keepNonce},
	{id: "listProviderAccounts", want: []int{200}, signedIn: true},
	{id: "submitProviderToken", want: []int{400}, body: shownIn("submitProviderToken")},
	{id: "submitProviderToken", want: []int{400}, body: func(s *suite) any {
		op, _ := s.find("submitProviderToken")
		return with(s.example(op), "process", "no such process")
	}},
	{id: "disconnectProviderAccount", want: []int{400}, signedIn: true, body: shownIn("disconnectProviderAccount")},
	// Apple's server alone can sign one.
	{id: "receiveAppleNotification", want: []int{400, 404}, body: shownIn("receiveAppleNotification")},
	{id: "receiveAppleNotification", want: []int{400}, body: func(*suite) any { return members() }},
	{id: "receiveAppleNotification", want: []int{200, 404}, needs: services, before: newEvent, body: func(s *suite) any {
		return members("payload", s.person.event)
	}},
	{id: "getProviderSignup", want: []int{403, 409}},
	{id: "completeProviderSignup", want: []int{403, 409}, body: func(*suite) any { return members("email", address()) }},

	// 409: the account has verified nothing, so that it connects nothing.
	{id: "submitProviderToken", want: []int{200, 409}, needs: services, signedIn: true, before: newToken("email", address), body: submitted("connect")},
	// Its nonce is used up.
	{id: "submitProviderToken", want: []int{400, 409}, needs: services, signedIn: true, body: submitted("connect")},
	{id: "listProviderAccounts", want: []int{200}, needs: services, signedIn: true, then: keepUID},
	{id: "disconnectProviderAccount", want: []int{200}, needs: connected, signedIn: true, body: func(s *suite) any {
		return members("provider", s.person.provider, "account", s.person.uid)
	}},

	{id: "createProviderNonce", want: []int{200}, then: keepNonce},
	{id: "submitProviderToken", want: []int{200, 401, 403}, needs: services, before: newToken("email", address), body: submitted("login"), then: keepGuest},
	{id: "createProviderNonce", want: []int{200}, then: keepNonce},
	{id: "submitProviderToken", want: []int{401, 403}, needs: services, before: newToken("sub", address), body: submitted("login"), then: keepHalf},
	{id: "getProviderSignup", want: []int{200, 403}, needs: services, headers: halfWay},
	{id: "completeProviderSignup", want: []int{400, 403}, needs: services, headers: halfWay, body: func(*suite) any { return members("email", "nobody") }},
	{id: "completeProviderSignup", want: []int{200, 401, 403}, needs: services, headers: halfWay, body: func(*suite) any { return members("email", address()) }, then: keepGuest},
}

// services and connected are what a step needs: somebody who signs tokens, and an account
// with them that is connected.
func services(s *suite) string {
	if s.settings.services == "" || s.person.provider == "" {
		return "nobody signs tokens of another service for this run (-services)"
	}
	return ""
}

func connected(s *suite) string {
	if s.person.uid == nil {
		return "no other service is connected"
	}
	return ""
}

// guest says that a step needs the access token of somebody who came by another service;
// asGuest sends it.
func guest(n int) func(*suite) string {
	return func(s *suite) string {
		if len(s.person.guests) <= n {
			return "nobody came by another service"
		}
		return ""
	}
}

func asGuest(n int) func(*suite) map[string]string {
	return func(s *suite) map[string]string {
		return map[string]string{"Authorization": "Bearer " + s.person.guests[n]}
	}
}

func keepGuest(s *suite, a answer) {
	if access := a.text("meta", "access_token"); access != "" {
		s.person.guests = append(s.person.guests, access)
	}
}

// keepProvider remembers a service whose tokens are taken.
func keepProvider(s *suite, a answer) {
	data, _ := a.object["data"].(map[string]any)
	social, _ := data["socialaccount"].(map[string]any)
	list, _ := social["providers"].([]any)
	for _, entry := range list {
		p, _ := entry.(map[string]any)
		flows, _ := p["flows"].([]any)
		if id, ok := p["id"].(string); ok && slices.Contains(flows, any("provider_token")) {
			s.person.provider = id
			return
		}
	}
}

func keepNonce(s *suite, a answer) { s.person.nonce = a.text("data", "nonce") }

func keepUID(s *suite, a answer) {
	list, _ := a.object["data"].([]any)
	for _, entry := range list {
		if p, ok := entry.(map[string]any); ok {
			s.person.uid = p["uid"]
		}
	}
}

// newToken has the service of -services sign an id_token for somebody.
func newToken(name string, value func() string) func(context.Context, *suite) error {
	return func(ctx context.Context, s *suite) error {
		made, err := signedBy(ctx, s, s.person.provider, members(name, value(), "nonce", s.person.nonce))
		if err != nil {
			return err
		}
		s.person.token = members("client_id", made.ClientID, "id_token", made.IDToken, "nonce", s.person.nonce)
		return nil
	}
}

// newEvent has Apple sign an event about an account that is not connected.
func newEvent(ctx context.Context, s *suite) error {
	made, err := signedBy(ctx, s, "apple", members("sub", address(), "event", "consent-revoked"))
	s.person.event = made.Notification
	return err
}

// signed is what the service of -services signs.
type signed struct {
	IDToken      string `json:"id_token"`
	ClientID     string `json:"client_id"`
	Notification string `json:"notification"`
}

// signedBy has a service of -services sign what it is asked for.
func signedBy(ctx context.Context, s *suite, provider string, asked map[string]any) (signed, error) {
	var made signed
	text, err := json.Marshal(asked)
	if err != nil {
		return made, err
	}
	url := s.settings.services + "/" + provider + "/token-for"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return made, err
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := s.client.Do(r)
	if err != nil {
		return made, fmt.Errorf("the service of -services: %w", err)
	}
	defer func() { _ = got.Body.Close() }()

	if err := json.NewDecoder(io.LimitReader(got.Body, maxDocument)).Decode(&made); err != nil || made.IDToken == "" {
		return made, fmt.Errorf("the service of -services signs nothing: it answers %d", got.StatusCode)
	}
	return made, nil
}

func submitted(process string) func(*suite) any {
	return func(s *suite) any {
		return members("provider", s.person.provider, "process", process, "token", s.person.token)
	}
}

func with(body map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(body)
	changed[name] = value
	return changed
}
