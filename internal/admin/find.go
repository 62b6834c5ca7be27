package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/token"
	"github.com/latchkey-auth/latchkey/internal/typed"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// User is a user as operators see them in lists.
type User struct {
	ID            userid.ID  `json:"id"`
	State         string     `json:"state"` // active, disabled, leaving
	CreatedAt     time.Time  `json:"created_at"`
	Email         *string    `json:"email"`
	EmailVerified bool       `json:"email_verified"`
	Phone         *string    `json:"phone"`
	PhoneVerified bool       `json:"phone_verified"`
	Username      *string    `json:"username"`
	DisabledAt    *time.Time `json:"disabled_at"`
	DeletesAt     *time.Time `json:"deletes_at"`
}

// toUser turns a row into a user as operators see them.
func toUser(r db.ListUsersRow) User {
	state := "active"
	switch {
	case r.DisabledAt != nil:
		state = "disabled"
	case r.DeletesAt != nil:
		state = "leaving"
	}

	return User{
		ID: userid.ID(r.Subject), State: state, CreatedAt: r.CreatedAt.UTC(), Email: r.Email, EmailVerified: r.EmailVerifiedAt != nil,
		Phone: r.Phone, PhoneVerified: r.PhoneVerifiedAt != nil, Username: r.Username, DisabledAt: r.DisabledAt, DeletesAt: r.DeletesAt,
	}
}

// Page is which users a list shows.
type Page struct {
	After    int64 // only users that follow this one
	Disabled bool  // only accounts that are disabled
	Most     int32
}

// List returns a page of users, in the order of their ids.
func (a *Admin) List(ctx context.Context, page Page) ([]User, error) {
	rows, err := a.DB.ListUsers(ctx, db.ListUsersParams{After: page.After, Disabled: page.Disabled, Most: page.Most})

	return convert(rows, toUser), err
}

// Find returns the users that a text names: by id, by session (sid of tokens), by phone number, by user
// name, by address whether it is verified or not, and by the beginning of an address.
func (a *Admin) Find(ctx context.Context, text string, most int32) ([]User, error) {
	text = strings.TrimSpace(text)
	var ids []int64

	for _, look := range []func(context.Context, string, int32) ([]int64, error){
		a.findByID, a.findBySession, a.findByPhone, a.findByUsername, a.findByAddress,
	} {
		found, err := look(ctx, text, most)
		if err != nil {
			return nil, err
		}

		ids = append(ids, found...)
	}

	slices.Sort(ids)
	ids = slices.Compact(ids)
	rows, err := a.DB.ListUsersByID(ctx, ids)

	return convert(rows, func(r db.ListUsersByIDRow) User { return toUser(db.ListUsersRow(r)) }), err
}

func (a *Admin) findByID(ctx context.Context, text string, _ int32) ([]int64, error) {
	if key, isKey := userid.ID(text).Key(); isKey {
		return []int64{key}, nil
	}

	if !userid.Valid(text) {
		return nil, nil
	}

	user, err := a.DB.FindUserBySubject(ctx, text)

	return one(user.ID, err)
}

// one is the list of the one user that a look-up has found, or of none.
func one(id int64, err error) ([]int64, error) {
	if postgres.IsNotFound(err) {
		return nil, nil
	}

	if err != nil {
		return nil, err
	}

	return []int64{id}, nil
}

func (a *Admin) findBySession(ctx context.Context, text string, _ int32) ([]int64, error) {
	session, ok := ParseSession(text)
	if !ok {
		return nil, nil
	}

	id, err := a.DB.FindUserOfSession(ctx, session)

	return one(id, err)
}

func (a *Admin) findByPhone(ctx context.Context, text string, most int32) ([]int64, error) {
	number, ok := phone.Normalize(text)
	if !ok {
		return nil, nil
	}

	return a.DB.FindUsersByPhone(ctx, db.FindUsersByPhoneParams{Phone: number, Most: most})
}

func (a *Admin) findByUsername(ctx context.Context, text string, _ int32) ([]int64, error) {
	name := typed.Given(text)
	if name == "" {
		return nil, nil
	}

	return a.DB.FindUsersByUsername(ctx, []string{typed.Key(name), typed.TwinKey(name)})
}

func (a *Admin) findByAddress(ctx context.Context, text string, most int32) ([]int64, error) {
	prefix := strings.ToLower(text)
	if whole, ok := email.Normalize(text); ok {
		prefix = whole
	}

	if prefix == "" || strings.ContainsFunc(prefix, func(r rune) bool { return r < '!' || r > '~' }) {
		return nil, nil
	}

	// '~' is the greatest byte that an address has.
	return a.DB.FindUsersByAddressPrefix(ctx, db.FindUsersByAddressPrefixParams{Prefix: prefix, After: prefix + "\x7f", Most: most})
}

// ParseSession reads a session's id as tokens carry it (sid), or as a UUID.
func ParseSession(text string) (uuid.UUID, bool) {
	if id, isSID := token.ParseSessionID(text); isSID {
		return id, true
	}

	id, err := uuid.Parse(text)

	return id, err == nil && len(text) == len(id.String())
}
