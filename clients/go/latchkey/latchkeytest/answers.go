package latchkeytest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// object is a JSON object.
type object = map[string]any

// serve answers a request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/_allauth/app/v1/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+path)

	if s.offline {
		panic(http.ErrAbortHandler)
	}
	if s.status != 0 {
		problem(w, s.status, "temporarily_unavailable", "")

		return
	}

	if answer, ok := s.routes()[r.Method+" "+path]; ok {
		answer(w, r)

		return
	}
	s.t.Errorf("latchkeytest does not play %s %s: use `latchkey dev` for that", r.Method, r.URL.Path)
	problem(w, http.StatusNotFound, "not_found", "")
}

func (s *Server) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST auth/login":            s.login,
		"POST auth/signup":           s.signUp,
		"POST auth/2fa/authenticate": s.secondFactor,
		"POST auth/token/refresh":    s.refresh,
		"POST auth/token/exchange":   s.exchange,
		"GET auth/session":           s.current,
		"DELETE auth/session":        s.signOut,
		"GET api/v1/users/profile/":  s.profile,
		"GET .well-known/jwks.json":  func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.keys.set()) },
	}
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var sent latchkey.LoginRequest
	if !read(w, r, &sent) {
		return
	}

	user, ok := s.find(func(u User) bool {
		return u.Email != "" && strings.EqualFold(u.Email, sent.Email) || u.Phone != "" && u.Phone == sent.Phone ||
			u.Username != "" && strings.EqualFold(u.Username, sent.Username)
	})
	if !ok || user.Password != sent.Password {
		problem(w, http.StatusBadRequest, mismatch(sent), "password")

		return
	}
	if user.Code == "" {
		s.welcome(w, user)

		return
	}

	half := "lkst_" + rand.Text()
	s.halves[half] = string(user.ID)
	answer(w, http.StatusUnauthorized, object{
		"status": http.StatusUnauthorized,
		"data": object{"flows": []object{
			{"id": "login"}, {"id": "mfa_authenticate", "is_pending": true, "types": []string{"recovery_codes", "totp"}},
		}},
		"meta": object{"is_authenticated": false, "session_token": half},
	})
}

func mismatch(sent latchkey.LoginRequest) string {
	switch {
	case sent.Phone != "":
		return "phone_password_mismatch"
	case sent.Username != "":
		return "username_password_mismatch"
	}

	return "email_password_mismatch"
}

func (s *Server) signUp(w http.ResponseWriter, r *http.Request) {
	var sent latchkey.SignupRequest
	if !read(w, r, &sent) {
		return
	}
	if _, taken := s.find(func(u User) bool { return u.Email != "" && strings.EqualFold(u.Email, sent.Email) }); taken {
		problem(w, http.StatusBadRequest, "email_taken", "email")

		return
	}

	s.welcome(w, s.add(User{
		Email: sent.Email, Phone: sent.Phone, Username: sent.Username, Password: sent.Password, Display: sent.Email,
	}))
}

func (s *Server) secondFactor(w http.ResponseWriter, r *http.Request) {
	var sent latchkey.CodeRequest
	if !read(w, r, &sent) {
		return
	}

	half := r.Header.Get("X-Session-Token")
	id, pending := s.halves[half]
	user, _ := s.find(func(u User) bool { return string(u.ID) == id })
	switch {
	case !pending:
		gone(w, nil)
	case user.Code != sent.Code:
		problem(w, http.StatusBadRequest, "incorrect_code", "code")
	default:
		delete(s.halves, half)
		s.welcome(w, user)
	}
}

// welcome answers that a user has signed in.
func (s *Server) welcome(w http.ResponseWriter, user User) { s.tokens(w, user, s.begin(user.ID)) }

func (s *Server) tokens(w http.ResponseWriter, user User, sid string) {
	access, refresh := s.pair(sid)
	answer(w, http.StatusOK, object{
		"status": http.StatusOK,
		"data":   object{"user": user.shown(), "methods": []object{}},
		"meta":   object{"is_authenticated": true, "access_token": access, "refresh_token": refresh},
	})
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) {
	var sent latchkey.RefreshTokenRequest
	if !read(w, r, &sent) {
		return
	}

	c, key := claimsOf(sent.Refresh), r.Header.Get("Idempotency-Key")
	one := s.sessions[c.Session]
	switch {
	case one == nil:
		problem(w, http.StatusBadRequest, "refresh_token_invalid", "")

		return
	case one.ended != "":
		problem(w, http.StatusBadRequest, one.ended, "")

		return
	case c.Generation == one.generation:
		one.generation++
		one.key = key
	case c.Generation != one.generation-1 || key == "" || key != one.key: // not a repeat
		one.ended = "refresh_token_reused"
		problem(w, http.StatusBadRequest, one.ended, "")

		return
	}

	user, _ := s.find(func(u User) bool { return u.ID == one.user })
	s.tokens(w, user, c.Session)
}

func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	sid := s.apps[r.Header.Get("X-Session-Token")]
	one := s.sessions[sid]
	if one == nil || one.ended != "" {
		gone(w, one)

		return
	}

	key := r.Header.Get("Idempotency-Key")
	switch {
	case one.exchanged == 0:
		one.exchanged = one.generation
		one.generation++
		one.key = key
	case one.exchanged != one.generation-1 || key == "" || key != one.key: // not a repeat
		one.ended = "refresh_token_reused"
		gone(w, one)

		return
	}

	user, _ := s.find(func(u User) bool { return u.ID == one.user })
	s.tokens(w, user, sid)
}

// gone answers a session token whose session is unknown, or has ended.
func gone(w http.ResponseWriter, one *session) {
	meta := object{"is_authenticated": nil}
	if one != nil {
		meta["end_reason"] = one.ended
	}
	answer(w, http.StatusGone, object{"status": http.StatusGone, "data": object{"flows": []object{}}, "meta": meta})
}

func (s *Server) current(w http.ResponseWriter, r *http.Request) {
	one := s.bearer(r)
	if one == nil {
		unauthorized(w)

		return
	}

	user, _ := s.find(func(u User) bool { return u.ID == one.user })
	answer(w, http.StatusOK, object{
		"status": http.StatusOK,
		"data":   object{"user": user.shown(), "methods": []object{}},
		"meta":   object{"is_authenticated": true},
	})
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if one := s.bearer(r); one != nil {
		one.ended = "session_ended"
	}
	unauthorized(w)
}

func (s *Server) profile(w http.ResponseWriter, r *http.Request) {
	one := s.bearer(r)
	if one == nil {
		unauthorized(w)

		return
	}

	user, _ := s.find(func(u User) bool { return u.ID == one.user })
	profile := latchkey.Profile{ID: user.ID, Display: user.Display, EmailVerified: user.Email != ""}
	if user.Email != "" {
		profile.Email = &user.Email
	}
	profile.CreatedAt = latchkey.Timestamp(time.Now().Unix())
	answer(w, http.StatusOK, profile)
}

// shown is the user as answers have it.
func (u User) shown() latchkey.User {
	return latchkey.User{
		ID: u.ID, Email: u.Email, Display: u.Display, Username: u.Username, HasUsablePassword: u.Password != "",
	}
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		problem(w, http.StatusBadRequest, "invalid_json", "")

		return false
	}

	return true
}

func unauthorized(w http.ResponseWriter) {
	answer(w, http.StatusUnauthorized, object{
		"status": http.StatusUnauthorized,
		"data":   object{"flows": []object{{"id": "login"}}},
		"meta":   object{"is_authenticated": false},
	})
}

func problem(w http.ResponseWriter, status int, code, param string) {
	one := object{"code": code, "message": "Played by latchkeytest."}
	if param != "" {
		one["param"] = param
	}
	answer(w, status, object{"status": status, "errors": []object{one}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, else
}
