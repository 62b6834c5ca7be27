package main

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// site is the system that the service moves in from: what django-allauth's headless app client does with sessions
// and tokens, and no more. It rotates refresh tokens.
type site struct {
	key    *rsa.PrivateKey
	kid    string
	sealed cipher.Block // of session ids

	mu       sync.Mutex // guards what follows
	sessions []*siteSession
	byKey    map[string]*siteSession
	byJTI    map[string]*siteSession
}

// siteSession is a row of the table of sessions.
type siteSession struct {
	user    string // the id
	key     string // the session token
	refresh map[string]time.Time
	saved   time.Time
}

const (
	siteAccess  = 60 * time.Second // as long as ours live here
	siteRefresh = 24 * time.Hour
)

var siteSecret = sha256.Sum256([]byte("the SECRET_KEY of the site"))

func newSite() (*site, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(siteSecret[:])
	if err != nil {
		return nil, err
	}

	// The thumbprint of RFC 7638.
	n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
	e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))

	return &site{
		key: key, kid: base64.RawURLEncoding.EncodeToString(sum[:]), sealed: block,
		byKey: map[string]*siteSession{}, byJTI: map[string]*siteSession{},
	}, nil
}

// settings are what `manage.py latchkey_settings` writes.
func (s *site) settings() ([]string, error) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		return nil, err
	}

	return []string{
		"LATCHKEY_OLD_JWT_ALGORITHM=RS256",
		"LATCHKEY_OLD_JWT_KEY=" + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"LATCHKEY_OLD_SID_KEY=" + hex.EncodeToString(siteSecret[:]),
	}, nil
}

// tokens are what a client stores.
type tokens struct{ session, access, refresh string }

// signIn opens a session.
func (s *site) signIn(user string) (tokens, error) {
	id := uuid.New()
	session := &siteSession{user: user, key: hex.EncodeToString(id[:]), refresh: map[string]time.Time{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = append(s.sessions, session)
	s.byKey[session.key] = session

	return s.issue(session)
}

// issue makes a pair. The site must be locked.
func (s *site) issue(session *siteSession) (tokens, error) {
	now := time.Now()
	jti := uuid.NewString()
	session.refresh[jti] = now.Add(siteRefresh)
	session.saved = now
	s.byJTI[jti] = session

	access, err := s.sign(session, "access", uuid.NewString(), now, siteAccess)
	if err != nil {
		return tokens{}, err
	}
	refresh, err := s.sign(session, "refresh", jti, now, siteRefresh)

	return tokens{session.key, access, refresh}, err
}

func (s *site) sign(session *siteSession, use, jti string, now time.Time, life time.Duration) (string, error) {
	sid := make([]byte, aes.BlockSize+len(session.key))
	if _, err := rand.Read(sid[:aes.BlockSize]); err != nil {
		return "", err
	}
	cipher.NewCTR(s.sealed, sid[:aes.BlockSize]).XORKeyStream(sid[aes.BlockSize:], []byte(session.key))

	claims, err := json.Marshal(map[string]any{
		"iat": now.Unix(), "exp": now.Add(life).Unix(), "sid": base64.StdEncoding.EncodeToString(sid),
		"jti": jti, "token_use": use, "sub": session.user,
	})
	if err != nil {
		return "", err
	}
	head := fmt.Sprintf(`{"alg":"RS256","kid":%q,"typ":"JWT"}`, s.kid)
	text := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])

	return text + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

// ServeHTTP answers the two calls that clients make.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()

	switch r.URL.Path {
	case refreshPath:
		s.refresh(w, r)
	case sessionPath:
		session := s.byKey[r.Header.Get("X-Session-Token")]
		if bearer, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); sent {
			session = s.sessionOf(claimsOf(bearer))
		}
		if session == nil {
			answer(w, http.StatusUnauthorized, map[string]any{"status": 401})
			return
		}
		answer(w, http.StatusOK, map[string]any{"status": 200, "data": map[string]any{"user": map[string]any{"id": session.user}}})
	default:
		http.NotFound(w, r)
	}
}

// sessionOf opens the sid of an access token. The signature is ours: only our clients speak to us here.
func (s *site) sessionOf(claims map[string]any) *siteSession {
	text, _ := claims["sid"].(string)
	sid, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sid) <= aes.BlockSize {
		return nil
	}
	key := make([]byte, len(sid)-aes.BlockSize)
	cipher.NewCTR(s.sealed, sid[:aes.BlockSize]).XORKeyStream(key, sid[aes.BlockSize:])

	return s.byKey[string(key)]
}

// refresh takes each refresh token once.
func (s *site) refresh(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Token string `json:"refresh_token"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	jti, _ := claimsOf(body.Token)["jti"].(string)
	session := s.byJTI[jti]
	if session == nil {
		answer(w, http.StatusBadRequest, map[string]any{"status": 400})
		return
	}

	delete(s.byJTI, jti)
	delete(session.refresh, jti)
	next, err := s.issue(session)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"status": 200, "data": map[string]any{"access_token": next.access, "refresh_token": next.refresh},
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// claimsOf reads the claims of a token, whoever has signed it.
func claimsOf(compact string) map[string]any {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims map[string]any
	_ = json.Unmarshal(text, &claims)

	return claims
}

// export writes the users and sessions in the format of moving in: all, or those that were saved since a moment.
func (s *site) export(since time.Time) (file []byte, sessions int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	var out bytes.Buffer
	w := format.NewWriter(&out)
	isComplete := since.IsZero()
	if err := w.Write(&format.Head{
		Format: 1, Source: "a stock server", IDs: "int", Rotation: true, Complete: &isComplete, ExportedAt: format.At(time.Now()),
	}); err != nil {
		return nil, 0, err
	}
	for _, session := range s.sessions {
		if session.saved.Before(since) {
			continue
		}
		sessions++
		if err := s.write(w, session); err != nil {
			return nil, 0, err
		}
	}

	err = w.Close()

	return out.Bytes(), sessions, err
}

// write writes a user, who has one session, and that.
func (s *site) write(w *format.Writer, session *siteSession) error {
	if err := w.Write(&format.User{
		ID: format.ID(session.user), Display: "User " + session.user, CreatedAt: format.At(s.sessions[0].saved.Add(-time.Hour).Truncate(time.Hour)),
		Password: "pbkdf2_sha256$1000$c2FsdHNhbHRzYWx0$" + base64.StdEncoding.EncodeToString(siteSecret[:]),
		Emails:   []format.Email{{Address: "user" + session.user + "@example.com", Verified: true, Primary: true}},
	}); err != nil {
		return err
	}

	hash := sha256.Sum256([]byte(session.key))
	line := &format.Session{
		User: format.ID(session.user), TokenSHA256: hash[:], LastSeenAt: format.At(session.saved),
		ExpiresAt: format.At(session.saved.Add(14 * 24 * time.Hour)), UserAgent: "stock/1",
		Methods: []format.Method{{Method: "password", At: session.saved.Add(-time.Hour).Unix()}},
	}
	for jti, expires := range session.refresh {
		sum := sha256.Sum256([]byte(jti))
		line.Refresh = append(line.Refresh, format.Refresh{JTISHA256: sum[:], ExpiresAt: format.At(expires)})
	}

	return w.Write(line)
}
