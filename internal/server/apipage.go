package server

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"

	"github.com/gofiber/fiber/v2"
)

// The API page shows openapi.json, and code samples (internal/tools/samples), to developers in a browser, with Redoc. It is part of the program and asks
// no other server for anything. It is no operation of the spec.

var (
	//go:embed apipage/page.html
	apiMarkup []byte
	//go:embed apipage/page.css
	apiStyle []byte
	//go:embed apipage/page.js
	apiScript []byte
	//go:embed apipage/samples.json
	apiSamples []byte
	//go:embed apipage/redoc.js.gz
	apiViewer []byte
)

// apiPolicy lets the page have its own scripts, its own styles and openapi.json. The hashes are those of the two
// style elements that Redoc makes: an empty one, which it fills by script, and the one of its loading mark.
//
// Security: no inline script, no frame around it, nothing of another server
// (TestAPIPage_asksNoOtherServer).
const apiPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// apiPages registers the page and what it loads.
func (s *Server) apiPages() {
	if !s.Settings.APIPage {
		return
	}

	s.app.Get("/docs", apiFile(apiMarkup, fiber.MIMETextHTMLCharsetUTF8))
	s.app.Get("/docs/page.css", apiFile(apiStyle, "text/css; charset=utf-8"))
	s.app.Get("/docs/page.js", apiFile(apiScript, fiber.MIMETextJavaScriptCharsetUTF8))
	s.app.Get("/docs/samples.json", apiFile(apiSamples, fiber.MIMEApplicationJSON))
	s.app.Get("/docs/redoc.js", sendViewer)
}

// apiFile answers with a file of the page.
func apiFile(content []byte, kind string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		describeFile(c, kind)

		return c.Send(content)
	}
}

// describeFile sets the headers of a file of the page. Browsers ask again with each visit: another version of
// the program may have another page.
func describeFile(c *fiber.Ctx, kind string) {
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderContentSecurityPolicy, apiPolicy)
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderCacheControl, "no-cache")
}

// sendViewer sends Redoc, which the program keeps compressed.
func sendViewer(c *fiber.Ctx) error {
	describeFile(c, fiber.MIMETextJavaScriptCharsetUTF8)
	c.Vary(fiber.HeaderAcceptEncoding)

	if c.AcceptsEncodings("gzip", "identity") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(apiViewer)
	}

	plain, err := gzip.NewReader(bytes.NewReader(apiViewer))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return err
	}

	return c.Send(text)
}
