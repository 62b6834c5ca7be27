package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// bareUUIDs makes a connection send UUIDs as the sixteen bytes that they are. pgx would ask
// their driver.Valuer for text and parse that: a twentieth of all that a look-up costs.
func bareUUIDs(_ context.Context, c *pgx.Conn) error {
	m := c.TypeMap()
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{wrapUUID}, m.TryWrapEncodePlanFuncs...)
	return nil
}

type uuidPlan struct{ next pgtype.EncodePlan }

func wrapUUID(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
	id, ok := value.(uuid.UUID)
	return &uuidPlan{}, [16]byte(id), ok
}

// SetNext is called by pgx with the plan for what wrapUUID returned.
func (p *uuidPlan) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode hands the bytes on.
func (p *uuidPlan) Encode(value any, buf []byte) ([]byte, error) {
	id, _ := value.(uuid.UUID) // wrapUUID admits nothing else
	return p.next.Encode([16]byte(id), buf)
}
