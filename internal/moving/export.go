package moving

import (
	"context"
	"io"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// exportPage is how many users are read at once: what an export needs of memory.
const exportPage = 1000

// Export writes all tenants, users and sessions, as they are at one moment.
func (m *Mover) Export(ctx context.Context, out io.Writer, source string, show func(Progress)) (format.End, error) {
	w := format.NewWriter(out)
	err := m.DB.Snapshot(ctx, func(tx postgres.Tx) error {
		head := &format.Head{
			Format: format.Version, Source: source, IDs: idsOf(m.Policy.IDs()), Rotation: m.Session.RotateRefreshToken,
			TOTP: &format.TOTP{Digits: m.Factor.TOTPDigits, Period: m.Factor.TOTPPeriod}, ExportedAt: format.At(tx.Now),
		}
		if err := w.Write(head); err != nil {
			return err
		}
		if err := exportTenants(ctx, tx, w); err != nil {
			return err
		}
		if err := m.exportUsers(ctx, tx, w, show); err != nil {
			return err
		}

		return exportSessions(ctx, tx, w, show)
	})
	if err != nil {
		return format.End{}, err
	}

	return w.End(), w.Close()
}

// idsOf is how the head says what ids are.
func idsOf(kind userid.Kind) string {
	switch kind {
	case userid.UUID:
		return "uuid"
	case userid.Text:
		return "text"
	}

	return "int"
}

func exportTenants(ctx context.Context, tx postgres.Tx, w *format.Writer) error {
	after := uuid.Nil
	for {
		rows, err := tx.ListTenantsToExport(ctx, db.ListTenantsToExportParams{After: after, Most: exportPage})
		if err != nil || len(rows) == 0 {
			return err
		}

		for _, t := range rows {
			if err := w.Write(&format.Tenant{ID: format.ID(t.ID.String()), Name: t.Name, CreatedAt: format.At(t.CreatedAt)}); err != nil {
				return err
			}
			after = t.ID
		}
	}
}

func (m *Mover) exportUsers(ctx context.Context, tx postgres.Tx, w *format.Writer, show func(Progress)) error {
	after, done := int64(0), int64(0)
	for {
		rows, err := tx.ListUsersToExport(ctx, db.ListUsersToExportParams{After: after, Most: exportPage})
		if err != nil || len(rows) == 0 {
			return err
		}

		same := make([]db.ListUsersToCompareRow, len(rows))
		for i, row := range rows {
			same[i] = db.ListUsersToCompareRow(row)
		}
		users, err := m.dump(ctx, tx, same)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := w.Write(&users[row.ID].User); err != nil {
				return err
			}
			after = row.ID
		}
		done += int64(len(rows))
		show(Progress{Step: "users", Done: done})
	}
}

func exportSessions(ctx context.Context, tx postgres.Tx, w *format.Writer, show func(Progress)) error {
	after, done := uuid.Nil, int64(0)
	for {
		rows, err := tx.ListSessionsToExport(ctx, db.ListSessionsToExportParams{After: after, Now: tx.Now, Most: exportPage})
		if err != nil || len(rows) == 0 {
			return err
		}

		ids := make([]uuid.UUID, len(rows))
		for i, row := range rows {
			ids[i] = row.ID
		}
		tokens, err := refreshTokens(ctx, tx, ids, tx.Now)
		if err != nil {
			return err
		}
		for _, row := range rows {
			line := sessionLine(db.ListSessionsByTokenRow(row), tokens[row.ID])
			if err := w.Write(&line); err != nil {
				return err
			}
			after = row.ID
		}
		done += int64(len(rows))
		show(Progress{Step: "sessions", Done: done})
	}
}
