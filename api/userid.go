package api

import "github.com/latchkey-auth/latchkey/internal/userid"

// UserID is the id of a user: a number in JSON where every parser keeps it exact, and otherwise text.
type UserID = userid.ID
