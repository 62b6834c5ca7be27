package server

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
)

// corsHeaders are the request headers that an app in a browser or a WebView may send.
const corsHeaders = "Authorization,Content-Type,Idempotency-Key,X-Account-Undo-Key,X-Device-Name,X-Email-Verification-Key,X-Latchkey-Device," +
	"X-Password-Reset-Key,X-Session-Token"

// preflightSeconds is how long a browser may keep the answer to a preflight request.
const preflightSeconds = 600

// checkOrigin reports what is wrong with an origin of LATCHKEY_CORS_ORIGINS.
//
// Security: `*` and `null` stand for pages of anybody, and a path would be ignored
// (TestCORS_theListHasOriginsAlone).
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	isOrigin := err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == origin
	isLower := strings.ToLower(origin) == origin
	if !isOrigin || !isLower || strings.ContainsAny(origin, "*, ") {
		return errors.New("want an origin as a browser sends it, such as https://app.example.com or capacitor://localhost, without a path")
	}

	usual := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	if strings.HasSuffix(u.Host, ":") || usual != "" && u.Port() == usual {
		return errors.New("want an origin as a browser sends it, which is without the usual port")
	}
	if strings.ContainsFunc(origin, func(r rune) bool { return r > unicode.MaxASCII }) {
		return errors.New("want an origin as a browser sends it, which has a domain in its ASCII form (xn--)")
	}

	return nil
}

// allowOrigins lets apps of the listed origins read our answers (Fetch standard, CORS protocol).
// Credentials of a browser, which are cookies, are never allowed: there are none. Without a list
// no answer has a header of CORS.
func (s *Server) allowOrigins() fiber.Handler {
	origins := s.Settings.Origins
	if len(origins) == 0 {
		return func(c *fiber.Ctx) error { return c.Next() }
	}

	return cors.New(cors.Config{
		Next:             func(c *fiber.Ctx) bool { return !forApps(c.Path()) },
		AllowOriginsFunc: func(origin string) bool { return slices.Contains(origins, origin) },
		AllowMethods:     "GET,POST,PUT,PATCH,DELETE",
		AllowHeaders:     corsHeaders,
		ExposeHeaders:    "Retry-After,WWW-Authenticate",
		MaxAge:           preflightSeconds,
	})
}

// forApps reports whether a path is one that apps call: the pages of the server are for nobody else.
func forApps(path string) bool {
	for _, prefix := range []string{"/_allauth/", "/api/", "/.well-known/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
