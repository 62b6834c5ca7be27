// Package api is generated from openapi.yaml: the models, the strict Fiber
// server interface and the embedded document. It owns the shape of the wire and
// nothing else; what an operation does stands in internal/service.
//
// Only this file, spec.go, userid.go and the *.yaml beside them are written by hand. Run `make
// generate` after a change to openapi.yaml.
package api
