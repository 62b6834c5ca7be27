package app

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/admin"
)

type usersShowCommand struct {
	targetArguments
}

// Run prints the user.
func (c usersShowCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		user, err := sh.findTarget(a.DB, c.targetArguments)
		if err != nil {
			return err
		}
		details, err := a.Show(sh.ctx, user.id)
		if errors.Is(err, admin.ErrNotFound) {
			return fmt.Errorf("%s is gone", user.name)
		}
		if err != nil {
			return err
		}

		return sh.print(details, detailsText(details))
	})
}

// detailsText is a user as a page. What users and clients have chosen is quoted.
func detailsText(d admin.Details) string {
	var b strings.Builder
	line := func(format string, values ...any) { _, _ = fmt.Fprintf(&b, format+"\n", values...) }

	line("id         %s", d.ID)
	line("state      %s", stateText(d.User))
	line("created    %s", d.CreatedAt.Format(time.RFC3339))
	line("display    %q", d.Display)
	if d.Username != nil {
		line("user name  %q", *d.Username)
	}
	if d.Phone != nil {
		line("phone      %s%s", *d.Phone, verifiedText(d.PhoneVerified))
	}
	for _, e := range d.Addresses {
		primary := ""
		if e.Primary {
			primary = ", primary"
		}
		line("address    %q%s%s", e.Address, primary, verifiedText(e.VerifiedAt != nil))
	}
	line("password   %v", d.HasUsablePassword)
	for _, f := range d.Factors {
		line("factor     %s %q, created %s, last used %s", f.Type, f.Name, f.CreatedAt.Format(time.RFC3339), timeText(f.LastUsedAt))
	}
	for _, p := range d.Providers {
		line("provider   %s %q, last used %s", p.Provider, p.UID, p.LastUsedAt.Format(time.RFC3339))
	}
	for _, m := range d.Memberships {
		line("tenant     %s %q", m.TenantID, m.Name)
	}
	for _, s := range d.Sessions {
		line("session    %s", sessionText(s))
	}
	for _, e := range d.Events {
		line("event      %s", eventText(e))
	}

	return strings.TrimSuffix(b.String(), "\n")
}

// stateText is the state of a user, with its time.
func stateText(u admin.User) string {
	switch {
	case u.DisabledAt != nil:
		return "disabled since " + u.DisabledAt.UTC().Format(time.RFC3339)
	case u.DeletesAt != nil:
		return "leaving: will be deleted at " + u.DeletesAt.UTC().Format(time.RFC3339)
	}

	return u.State
}

func verifiedText(verified bool) string {
	if verified {
		return ", verified"
	}

	return ", not verified"
}

func timeText(at *time.Time) string {
	if at == nil {
		return "never"
	}

	return at.UTC().Format(time.RFC3339)
}
