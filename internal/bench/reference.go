package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-auth/latchkey/internal/db"
)

const (
	sessionPath = "/_allauth/app/v1/auth/session"
	refreshPath = "/_allauth/app/v1/auth/token/refresh"
	loginPath   = "/_allauth/app/v1/auth/login"

	benchHash = "BENCH_PASSWORD_HASH"
	poolSize  = 16 // the default of LATCHKEY_DATABASE_MAX_CONNECTIONS
)

// reference is the least that could answer: plain Fiber, the one statement that cannot be
// avoided, ES256 by hand. No gate, no log, no limits, no checks of anything.
type reference struct {
	queries *db.Queries
	key     *ecdsa.PrivateKey
	header  string // base64url
	hash    string
	slots   chan struct{}
}

func serveReference() error {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return err
	}
	defer pool.Close()
	text, err := os.ReadFile(os.Getenv("HEADLESS_JWT_PRIVATE_KEY_FILE"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	r := &reference{
		queries: db.New(pool), key: parsed.(*ecdsa.PrivateKey), hash: os.Getenv(benchHash),
		header: encode([]byte(`{"alg":"ES256","kid":"` + strings.Repeat("k", 43) + `","typ":"at+jwt"}`)),
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get(sessionPath, r.session)
	app.Post(refreshPath, r.refresh)
	app.Post(loginPath, r.login)
	return app.Listen(os.Getenv("LATCHKEY_ADDR"))
}

// answered has the shape of our answer.
type answered struct {
	Status int `json:"status"`
	Data   struct {
		User struct {
			ID                int64   `json:"id"`
			Email             *string `json:"email"`
			Display           string  `json:"display"`
			HasUsablePassword bool    `json:"has_usable_password"`
		} `json:"user"`
		Methods json.RawMessage `json:"methods"`
	} `json:"data"`
	Meta struct {
		IsAuthenticated bool   `json:"is_authenticated"`
		AccessToken     string `json:"access_token,omitempty"`
		RefreshToken    string `json:"refresh_token,omitempty"`
	} `json:"meta"`
}

func answerFor(u db.UserDetail, methods json.RawMessage) answered {
	a := answered{Status: 200}
	a.Data.User.ID, a.Data.User.Email, a.Data.User.Display = u.ID, u.Email, u.Display
	a.Data.User.HasUsablePassword, a.Data.Methods, a.Meta.IsAuthenticated = u.HasUsablePassword, methods, true
	return a
}

// session looks an opaque token up.
func (r *reference) session(c *fiber.Ctx) error {
	t := strings.TrimPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	d, err := r.queries.FindSessionByToken(c.UserContext(), tokenHash(t))
	if errors.Is(err, pgx.ErrNoRows) {
		return c.SendStatus(fiber.StatusGone)
	}
	if err != nil {
		return err
	}
	return c.JSON(answerFor(db.UserDetail{ID: d.UserID, Subject: d.Subject, Email: d.Email, Display: d.Display, HasUsablePassword: d.HasUsablePassword}, d.Methods))
}

// bare is the claims of a token.
type bare struct {
	Audience   string `json:"aud"`
	ExpiresAt  int64  `json:"exp"`
	Generation int64  `json:"gen"`
	IssuedAt   int64  `json:"iat"`
	Issuer     string `json:"iss"`
	ID         string `json:"jti"`
	SessionID  string `json:"sid"`
	Subject    string `json:"sub"`
	Use        string `json:"token_use"`
}

// refresh verifies one token, moves the session on and signs two.
func (r *reference) refresh(c *fiber.Ctx) error {
	var in struct{ Refresh string }
	if err := json.Unmarshal(c.Body(), &in); err != nil {
		return err
	}
	old, err := r.verify(in.Refresh)
	if err != nil {
		return err
	}
	sid, err := base64.RawURLEncoding.DecodeString(old.SessionID)
	if err != nil {
		return err
	}
	now := time.Now()
	row, err := r.queries.UpdateSessionGeneration(c.UserContext(), db.UpdateSessionGenerationParams{
		ID: uuid.UUID(sid), Generation: old.Generation, Subject: old.Subject, Now: now, RefreshIssuedAt: now, RefreshExpiresAt: now.Add(24 * time.Hour),
	})
	if err != nil {
		return err
	}
	next := old
	next.Generation, next.IssuedAt, next.ExpiresAt = row.Generation, now.Unix(), row.RefreshExpiresAt.Unix()
	a := answerFor(db.UserDetail{ID: row.UserID, Subject: old.Subject, Email: row.Email, Display: row.Display, HasUsablePassword: row.HasUsablePassword}, row.Methods)
	if a.Meta.RefreshToken, err = r.sign(next); err != nil {
		return err
	}
	next.Use, next.ExpiresAt = "access", now.Unix()+300
	if a.Meta.AccessToken, err = r.sign(next); err != nil {
		return err
	}
	return c.JSON(a)
}

// login is argon2id alone.
func (r *reference) login(c *fiber.Ctx) error {
	r.slots <- struct{}{}
	defer func() { <-r.slots }()
	right, _, err := argon2id.CheckHash(pass, r.hash)
	if err != nil || !right {
		return errors.New("wrong")
	}
	return c.JSON(answered{Status: 200})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (r *reference) sign(c bare) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed := r.header + "." + encode(text)
	sum := sha256.Sum256([]byte(signed))
	x, y, err := ecdsa.Sign(rand.Reader, r.key, sum[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	x.FillBytes(signature[:32])
	y.FillBytes(signature[32:])
	return signed + "." + encode(signature[:]), nil
}

func (r *reference) verify(compact string) (bare, error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return bare{}, errors.New("not a token")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return bare{}, errors.New("not a signature")
	}
	sum := sha256.Sum256([]byte(compact[:len(parts[0])+1+len(parts[1])]))
	x, y := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(&r.key.PublicKey, sum[:], x, y) {
		return bare{}, errors.New("wrong signature")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return bare{}, err
	}
	var c bare
	return c, json.Unmarshal(text, &c)
}
