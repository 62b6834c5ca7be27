package moving

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/foreignhash"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/typed"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Bounds of the schema.
const (
	longestText = 150
	longestName = 100
)

// reading brings lines to the form in which they are stored, and notes what cannot be.
type reading struct {
	*Mover
	head     *format.Head
	accepted []string
	report   *Report
	now      time.Time
	found    []db.StageConflictsParams
}

// note notes a conflict.
func (r *reading) note(line int, user format.ID, kind, member, problem string) {
	r.found = append(r.found, db.StageConflictsParams{
		Line: int64(line), Kind: kind, Subject: string(user), Member: member, Problem: problem, IsAccepted: slices.Contains(r.accepted, kind),
	})
}

// record is a user in the form in which it is stored. Password is as the line has it.
type record struct {
	format.User
	line int
	key  string // of the user name
	note func(kind, member, problem string)
}

// record reads the line of a user. What cannot be stored is noted and left out.
func (r *reading) record(line format.Line) *record {
	p := &record{User: *line.User, line: line.Number}
	p.note = func(kind, member, problem string) { r.note(line.Number, line.User.ID, kind, member, problem) }

	_, isInt := userid.ID(p.ID).Key()
	switch {
	case !userid.Valid(string(p.ID)):
		p.note(IDInvalid, "id", "cannot be `sub` here: an id is a positive integer without leading zeros, or a text that reads as no integer")
	case r.head.IDs == "int" && !isInt:
		p.note(IDInvalid, "id", "is no integer, but the head says ids are int")
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = format.At(cmp.Or(r.head.ExportedAt.Time, r.now))
	}

	r.readEmails(p)
	r.readNames(p)
	r.readPhone(p)
	r.readPassword(p)
	r.readCodes(p)
	r.readPasskeys(p)
	r.readProviders(p)
	r.readTenants(p)
	r.checkWayIn(p)

	return p
}

func (r *reading) readEmails(p *record) {
	var kept []format.Email
	for i, e := range p.Emails {
		member := fmt.Sprintf("emails[%d].address", i)
		address, valid := email.Normalize(e.Address)
		if !valid || len(address) > email.MaxStored {
			p.note(EmailInvalid, member, "is no address that mails can be sent to")
			continue
		}

		e.Address = address
		twin := slices.IndexFunc(kept, func(o format.Email) bool { return o.Address == address })
		if twin < 0 {
			kept = append(kept, e)
			continue
		}
		p.note(EmailTwins, member, "is another address of this user in another form")
		kept[twin].Verified = kept[twin].Verified || e.Verified
		kept[twin].Primary = kept[twin].Primary || e.Primary
	}

	hasPrimary := slices.ContainsFunc(kept, func(e format.Email) bool { return e.Primary })
	if !hasPrimary && len(kept) > 0 {
		first := max(0, slices.IndexFunc(kept, func(e format.Email) bool { return e.Verified }))
		kept[first].Primary = true
	}
	slices.SortFunc(kept, func(a, b format.Email) int { return strings.Compare(a.Address, b.Address) })
	p.Emails = kept
	r.count("emails", len(kept))
}

func (r *reading) count(kind string, n int) {
	if n > 0 {
		r.report.Kinds[kind] += int64(n)
	}
}

// readNames reads user name and display. Where the settings have no user names none is stored.
func (r *reading) readNames(p *record) {
	name := typed.Plain(p.Username)
	p.Username = ""
	p.key = ""
	switch {
	case name == "":
	case !r.Policy.HasUsernames():
		r.report.Notices["usernames_not_stored"]++
	case strings.Contains(name, "=") || utf8.RuneCountInString(name) > longestText || typed.Key(name) == "":
		p.note(UsernameInvalid, "username", "has more than 150 characters, or a `=`")
	default:
		p.Username, p.key = name, typed.Key(name)
		r.count("usernames", 1)
	}

	number := ""
	if p.Phone != nil {
		number = p.Phone.Number
	}
	address := ""
	if len(p.Emails) > 0 {
		address = email.LocalPart(p.Emails[slices.IndexFunc(p.Emails, func(e format.Email) bool { return e.Primary })].Address)
	}
	display := strings.TrimSpace(p.Display)
	if utf8.RuneCountInString(display) > longestText {
		r.report.Notices["display_cut"]++
	}
	p.Display = cut(cmp.Or(display, name, address, number, string(p.ID)), longestText)
}

// cut returns at most n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}

	return string([]rune(text)[:n])
}

func (r *reading) readPhone(p *record) {
	if p.Phone == nil {
		return
	}

	number, valid := phone.Normalize(p.Phone.Number)
	if !valid {
		p.note(PhoneInvalid, "phone.number", "is no number in E.164 of a country that exists")
		p.Phone = nil
		return
	}
	p.Phone = &format.Phone{Number: number, Verified: p.Phone.Verified}
	r.count("phones", 1)
}

// sampleHash is in the place of a hash that is made only when it is stored.
const sampleHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// readPassword checks that the hash can be verified later. It is made canonical when it is stored.
func (r *reading) readPassword(p *record) {
	if p.Password != "" || !p.PasswordHook {
		r.report.Passwords[prefixOf(p.Password)]++
	}
	if p.PasswordHook {
		r.count("password_hooks", 1)
	}

	canonical, err := r.Gate.Canonical(p.Password, func(string) (string, error) { return sampleHash, nil })
	if err == nil {
		if canonical == "" {
			p.Password = ""
		}
		return
	}

	problem := "is a hash of a kind that is not known here"
	switch {
	case errors.Is(err, foreignhash.ErrBounds):
		problem = "is a hash whose costs are out of bounds"
	case errors.Is(err, foreignhash.ErrUnreadable):
		problem = "is a hash that is cut or spelled wrongly"
	case errors.Is(err, foreignhash.ErrKey):
		problem = "is a hash that needs a key which the settings do not have"
	}
	p.note(HashUnknown, "password", problem)
	p.Password = ""
}

func (r *reading) readProviders(p *record) {
	var kept []format.ProviderAccount
	for i, a := range p.Providers {
		if utf8.RuneCountInString(a.Provider) > 200 || utf8.RuneCountInString(a.UID) > 255 {
			p.note(ProviderInvalid, fmt.Sprintf("providers[%d]", i), "has a provider of more than 200 or a uid of more than 255 characters")
			continue
		}

		a.Display = cmp.Or(a.Display, a.UID)
		a.CreatedAt = cmp.Or(a.CreatedAt, p.CreatedAt)
		a.LastUsedAt = cmp.Or(a.LastUsedAt, a.CreatedAt)
		if !r.Speaks(a.Provider) {
			countName(r.report.UnknownProviders, a.Provider)
		}
		kept = append(kept, a)
	}
	slices.SortFunc(kept, func(a, b format.ProviderAccount) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.UID, b.UID))
	})
	p.Providers = kept
	r.count("providers", len(kept))
}

func (r *reading) readTenants(p *record) {
	kept := slices.Clone(p.Tenants)
	slices.SortFunc(kept, func(a, b format.Membership) int { return strings.Compare(string(a.ID), string(b.ID)) })
	p.Tenants = slices.CompactFunc(kept, func(a, b format.Membership) bool { return a.ID == b.ID })
	r.count("memberships", len(p.Tenants))
}

// signsInByPassword reports whether a user has a password, and a name that sign-ins accept here.
func (r *reading) signsInByPassword(p *record) bool {
	if p.Password == "" && !p.PasswordHook {
		return false
	}

	return len(p.Emails) > 0 && r.Policy.LoginBy("email") ||
		p.Username != "" && r.Policy.LoginBy("username") ||
		p.Phone != nil && r.Policy.LoginBy("phone")
}

// signsInWithout reports whether a user can sign in without a password: by a provider, by a passkey alone, or
// by a code to a phone number.
func (r *reading) signsInWithout(p *record) bool {
	hasProvider := slices.ContainsFunc(p.Providers, func(a format.ProviderAccount) bool { return r.Speaks(a.Provider) })
	hasPasskey := slices.ContainsFunc(p.WebAuthn, func(c format.Credential) bool { return c.Passwordless != nil && *c.Passwordless })
	hasPhone := p.Phone != nil && r.Policy.LoginBy("phone") && r.Policy.LoginByCode

	return hasProvider || r.Factor.PasskeyLogin && hasPasskey || hasPhone
}

// checkWayIn notes a user who could not sign in here. A disabled one cannot either way.
func (r *reading) checkWayIn(p *record) {
	if p.Disabled {
		r.count("disabled", 1)
		return
	}

	switch {
	case r.signsInByPassword(p) || r.signsInWithout(p):
	case len(p.Emails) > 0:
		r.report.Notices["only_by_mail"]++
	default:
		p.note(NoWayIn, "", "has no password with a name to sign in by, no address, no passkey that signs in alone, and no account with a provider of the settings")
	}
}
