package notice

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Counter is what messages to an address or number are counted by. What a known device of the
// user asks for is counted by the device: strangers who use up the budget of an address do not
// keep its owner from getting a code.
func Counter(target string, known uuid.UUID) string {
	if known == (uuid.UUID{}) {
		return target
	}

	return "known device " + known.String()
}

// takeMail takes a mail from the budget of its address. It returns problem.TooManyRequests where
// none is left.
//
// Security: also for a mail that is never sent, and for an address without an account: a
// budget that only accounts have would tell which those are
// (TestMessages_oneAddressGetsTenMailsAnHourAndTwentyADay).
func (n *Notices) takeMail(ctx context.Context, tx postgres.Tx, to Recipient) error {
	return n.Limiter.TakeTx(ctx, tx, limit.Mail, limit.Subject{Key: Counter(to.Email, to.Known)})
}

// takeText is takeMail for texts. They cost money, so that there are totals for all numbers
// together as well: verifying numbers, which needs no account, cannot use up what sign-ins need.
func (n *Notices) takeText(ctx context.Context, tx postgres.Tx, to Recipient, verifying bool) error {
	if p := n.Unserved(to.Phone); p != nil {
		return p
	}

	if err := n.Limiter.TakeTx(ctx, tx, limit.SMS, limit.Subject{Key: Counter(to.Phone, to.Known)}); err != nil {
		return err
	}

	totals := []limit.Action{limit.SMSTotal}
	if verifying {
		totals = append(totals, limit.SMSUnverified)
	}

	for _, total := range totals {
		err := n.Limiter.TakeTx(ctx, tx, total, limit.Subject{})
		if errors.Is(err, problem.TooManyRequests) {
			n.Log.WarnContext(ctx, "no more texts are sent: a total in ACCOUNT_RATE_LIMITS is used up", "total", total.Name())
		}

		if err != nil {
			return err
		}
	}

	return nil
}

// Unserved returns the problem with a number that gets no texts, and nil for any other number. Such a number is of
// a country that LATCHKEY_SMS_COUNTRIES does not name, or of a kind that charges the sender.
func (n *Notices) Unserved(number string) *problem.Problem {
	if !phone.Serves(n.Countries, number) {
		return problem.PhoneNotServed
	}

	return nil
}
