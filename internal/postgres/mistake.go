package postgres

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Mistake returns what an operator has to change where err says that the way to the database is wrong,
// and nil where the database is merely away: that ends by itself.
func Mistake(err error) error {
	var pg *pgconn.PgError
	var certificate *tls.CertificateVerificationError

	switch {
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, "28"): // invalid authorization
		return fmt.Errorf("DATABASE_URL: the database refuses the role or its password (%s): correct them, or its pg_hba.conf", pg.Message)
	case errors.As(err, &pg) && pg.Code == "3D000": // invalid catalog name
		return fmt.Errorf("DATABASE_URL: %s: create it, or name another", pg.Message)
	case errors.As(err, &certificate):
		return fmt.Errorf("DATABASE_URL: the database's certificate is not trusted (%w): set sslrootcert to the certificate of its authority, and the host to a name that the certificate has", certificate.Err)
	case refusesTLS(err):
		return errors.New("DATABASE_URL: sslmode asks for TLS, and the database does not offer it: switch it on there, or set sslmode=disable on a network that nobody else reads")
	}

	return nil
}

// refusesTLS reports whether the database answered that it has no TLS: the driver has no type for that.
func refusesTLS(err error) bool {
	var connect *pgconn.ConnectError

	return errors.As(err, &connect) && strings.Contains(connect.Error(), "server refused TLS connection")
}
