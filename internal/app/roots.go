//go:build roots

package app

// An image from scratch has no CA certificates: the roots of Mozilla's program are used where the machine
// has none. crypto/x509 reads them when the first certificate is verified.
import _ "golang.org/x/crypto/x509roots/fallback"
