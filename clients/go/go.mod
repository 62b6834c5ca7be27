module github.com/latchkey-auth/latchkey/clients/go

go 1.26.0

require (
	github.com/go-json-experiment/json v1.27.2
	github.com/google/uuid v1.6.0
	golang.org/x/sync v0.25.0
)
