package api

import "sync"

// decodeSpecOnce decodes the embedded document when it is first needed. The generated code does so at the start
// of each program that imports this package (`make generate` puts this in its place).
func decodeSpecOnce() func() ([]byte, error) { return sync.OnceValues(decodeSpec) }
