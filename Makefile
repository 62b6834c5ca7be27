# `make` lists the targets. What CI runs stands in .ci/run.

TOOLS  := go tool -modfile=internal/tools/go.mod
LINT   := go tool -modfile=internal/tools/lint/go.mod golangci-lint
BIN    := bin/latchkey
RACE   ?=
FUZZ   ?= 60s
JSON   ?=
BIG    ?=
REFRESHES ?= 300000
SEED   ?=
BENCH  ?=
# What `make generate` writes.
MADE   := api internal/db clients/go/latchkey docs/settings.md docs/flows.md

.PHONY: help run build test test-go test-axios check generate verify lint fuzz bench chaos

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/latchkey
	go build -trimpath -o $(BIN) .

# exec: Ctrl-C and kill reach latchkey itself, not a shell in front of it.
run: build ## Build, then run `latchkey dev`: a server, its PostgreSQL, a demo user and a tour
	@exec $(BIN) dev

test: test-go test-axios ## Run all tests; needs Go and PostgreSQL's server programs

test-go:
	go run ./internal/testdb/testpg go test $(RACE) -timeout 10m ./...

# The axios test is the one that needs Node; where that is too old or missing, this line
# says how to get it, and CI turns the line into a failure.
test-axios: build
	@if node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null; then \
		cd internal/e2e/axios && npm ci --silent --no-audit --no-fund && LATCHKEY_BIN=$(CURDIR)/$(BIN) node --test; \
	else \
		echo "left out: the axios test needs Node 20 or newer: nodejs.org, brew install node, or npm install --global node@22"; \
	fi

check: test verify lint ## Everything that CI checks

generate: ## Rebuild all generated code from openapi.yaml, schema.sql and queries/
	$(TOOLS) oapi-codegen -config api/server.cfg.yaml openapi.yaml
	$(TOOLS) oapi-codegen -config api/client.cfg.yaml openapi.yaml
	rm -f internal/db/*.gen.go
	$(TOOLS) sqlc generate
	go run . config --markdown > docs/settings.md.new && mv docs/settings.md.new docs/settings.md
	go run . flows > docs/flows.md.new && mv docs/flows.md.new docs/flows.md

verify: ## Fail when generated code is not current, or go.mod not tidy
	@rm -rf .verify && mkdir .verify && for f in $(MADE); do mkdir -p .verify/$$(dirname $$f) && cp -R $$f .verify/$$f; done
	@$(MAKE) --no-print-directory generate
	@for f in $(MADE); do diff -r .verify/$$f $$f || { echo "$$f was not current: commit what make generate wrote"; exit 1; }; done
	@rm -rf .verify
	go mod tidy -diff

lint: ## go vet and golangci-lint (.golangci.yml)
	go vet ./...
	$(LINT) run ./...

fuzz: ## Run every fuzz target for FUZZ (60s) each
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) $$p || exit 1; \
		done; \
	done

bench: build ## Compare with a bare reference server: throughput, latency, memory (BIG=1: 2,000,000 sessions; JSON=file; BENCH=-help: flags)
	go build -trimpath -o bin/bench ./internal/bench
	@exec bin/bench -server $(BIN) $(if $(BIG),-big) $(if $(JSON),-json $(JSON)) $(BENCH)

chaos: ## Play phones, thieves, kills and a fail-over until REFRESHES (300000) are done; fails on a broken promise
	go build -trimpath -o bin/chaos ./internal/chaos
	@exec bin/chaos -refreshes $(REFRESHES) $(if $(SEED),-seed $(SEED))
