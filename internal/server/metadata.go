package server

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// metadataPath is the path of the spec for the metadata of an issuer without a path.
const metadataPath = "/.well-known/oauth-authorization-server"

// findMetadata routes the path of the issuer's metadata, which has the path of the issuer at its
// end (RFC 8414, section 3.1). The metadata of other issuers is not here.
func (s *Server) findMetadata(c *fiber.Ctx) error {
	path := c.Path()
	rest, below := strings.CutPrefix(path, metadataPath)

	switch {
	case !below || rest != "" && !strings.HasPrefix(rest, "/"):
		return c.Next()
	case path == s.MetadataPath:
		c.Path(metadataPath)
		return c.Next()
	case rest == "" && s.MetadataPath == "":
		return c.Next() // the operation says that there is none
	}

	return problem.PathNotFound
}
