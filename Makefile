# `make` lists the targets. CI runs .ci/run.

TOOLS  := go tool -modfile=internal/tools/go.mod
LINT   := go tool -modfile=$(CURDIR)/internal/tools/lint/go.mod golangci-lint
BIN    := bin/latchkey
RACE   ?=
GOTEST ?=
FUZZ   ?= 60s
JSON   ?=
BIG    ?=
PEERS  ?=
REFRESHES ?= 300000
CLIENTS ?= 200
SEED   ?=
BENCH  ?=
BASE_URL ?=
DRIVERS ?= go,typescript,swift
DRILL  ?=
HOT    ?= 1000000
# The server, the Go client, its middleware for Fiber, and the tests that use the server and the client.
MODULES := . clients/go clients/go/verify/fiber internal/e2e
# What `make generate` writes.
MADE   := api internal/db internal/argon2 clients/go/latchkey clients/go/internal docs/settings.md docs/flows.md docs/requirements.md docs/architecture.md docs/architecture.svg clients/typescript/src/generated clients/typescript/src/generated-actions clients/swift/Sources/LatchkeyAPI internal/server/apipage/samples.json internal/server/operations.gen.json

.PHONY: help run build modules static image audit deploy chart snapshot test test-plan test-units test-units-of-modules test-go test-modules test-axios test-verify test-django test-django-6 check generate verify lint fuzz bench chaos moving-day moving-in import-million drill cost hot bare check-all contract contract-schemathesis foreign-clients lint-spec conformance test-tools test-typescript test-packages test-example test-swift test-swift-package

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build bin/latchkey
	go build -trimpath -o $(BIN) .

static: ## Build bin/static/latchkey: no C library, with CA roots and time zones inside; the same commit gives the same bytes
	@CGO_ENABLED=0 go build -trimpath -buildvcs=auto -tags roots,timetzdata -ldflags "-s -w -buildid=" -o bin/static/latchkey .

image: static ## Build the image latchkey:local, with buildah or docker
	@if command -v buildah >/dev/null; then buildah bud --format docker -t latchkey:local .; else docker build -t latchkey:local .; fi

chart: ## Lint the Helm chart and render it
	@go tool -modfile=internal/tools/deploy/go.mod helm lint --strict docs/deploy/helm/latchkey
	@go tool -modfile=internal/tools/deploy/go.mod helm template latchkey docs/deploy/helm/latchkey >/dev/null

snapshot: ## Build below dist/ what a release publishes (programs, SBOMs, checksums), and publish nothing
	@go build -modfile=internal/tools/deploy/go.mod -o bin/tools/cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	@PATH="$(CURDIR)/bin/tools:$$PATH" go tool -modfile=internal/tools/release/go.mod goreleaser release --snapshot --clean

audit: ## Look for known vulnerabilities and for licences of what ships (GOVULNDB=URL or folder; exit code 2: a database cannot be reached)
	@.ci/audit

deploy: ## Check what docs/operate.md hands out: image, compose.yaml, systemd unit, proxies, alert rules (root, Debian)
	.ci/deploy

# PostgreSQL is looked for, and fetched where none is installed, before the long build.
# exec: Ctrl-C and kill reach latchkey itself, not a shell in front of it.
run: ## Build, then run `latchkey dev`: a server, its PostgreSQL, a demo user and a tour (LATCHKEY_ADDR=host:port)
	@$(if $(DATABASE_URL),:,$(FIND_POSTGRES) >/dev/null)
	@[ -x $(BIN) ] || echo "Building $(BIN): one to two minutes the first time."
	@$(MAKE) --no-print-directory build
	@exec $(BIN) dev

# The same flags as the build of the program, so that both compile the standard library once.
FIND_POSTGRES = go run -trimpath ./internal/postgres/programs/find

# What suites need besides Go, git and make; empty where this machine lacks it. A suite that cannot
# run is left out with one line; CI turns such a line into a failure.
HAS_NODE      = $(shell node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && echo yes)
HAS_VENV      = $(shell python3 -c 'import ensurepip, venv' 2>/dev/null && echo yes)
HAS_CHROMIUM  = $(shell command -v chromium 2>/dev/null)
HAS_SWIFT     = $(shell clients/swift/toolchain.sh --present 2>/dev/null && echo yes)
HAS_C         = $(shell command -v gcc 2>/dev/null || command -v cc 2>/dev/null)
HAS_CURL      = $(shell command -v curl 2>/dev/null)
HAS_PGBOUNCER := $(shell PATH="$$PATH:/usr/sbin" command -v pgbouncer)
INSTALL       = $(MAKE) --no-print-directory
NODE_HINT     = nodejs.org, brew install node, or npm install --global node@22

LEFT_OUT = $(strip $(if $(HAS_CURL),,tour-as-printed (no curl);) $(if $(HAS_NODE),,TypeScript (no Node 20);) $(if $(HAS_SWIFT),,Swift (no Swift 6);))

# The tests from end to end that `make test` runs; `make test-go` runs all of them.
WALKS = ^(TestReadme_|TestDev_theTourWorksAsPrinted|TestGoClient_walks)

test: test-plan test-units test-typescript test-swift ## Run the unit tests and a walk of each client: minutes; needs Go, git and make

modules: # what the tests and the tools of each module need
	@for module in $(MODULES); do go -C $$module mod download || exit 1; done

test-plan:
	@echo "Latchkey's unit tests and a walk of each client, with $$(go version | cut -d' ' -f3) and PostgreSQL. \`make check\` runs everything."
	@echo "They take about 4 minutes on two cores, after the first build. Left out here: $(or $(LEFT_OUT),nothing.)"
	@bin=$$($(FIND_POSTGRES)) && echo "PostgreSQL's programs: $$bin"

# The tests beside the code they test, and a walk of the Go client, the README's and the tour.
test-units:
	@$(if $(HAS_CURL),:,echo "left out: the tour as it is printed needs curl: apt-get install curl")
	go run ./internal/testdb/testpg $(MAKE) --no-print-directory test-units-of-modules

test-units-of-modules:
	go test -timeout 20m $(GOTEST) $$(go list ./... | grep -v /clients/contract$$)
	go test -C clients/go -timeout 20m $(GOTEST) ./...
	go test -C internal/e2e -timeout 20m $(GOTEST) -run '$(WALKS)' .

test-go: ## Run all Go tests: also those from end to end
	@$(if $(RACE),$(if $(HAS_C),:,echo "left out: -race needs a C compiler: apt-get install gcc"),:)
	@$(if $(HAS_CURL),:,echo "left out: the tour as it is printed needs curl: apt-get install curl")
	@$(if $(HAS_PGBOUNCER),:,echo "left out: the tests behind a connection pooler need pgbouncer: apt-get install pgbouncer")
	go run ./internal/testdb/testpg $(MAKE) --no-print-directory test-modules
	GODEBUG=cpu.avx512f=off go test ./internal/argon2 # AVX2 where the processor has more
	go test -tags purego ./internal/argon2 ./internal/password

# Each module's tests, also after a failure in another.
test-modules:
	@failed=0; for module in $(MODULES); do \
		echo "go test ./..., in $$module"; \
		go test -C $$module $(if $(HAS_C),$(RACE)) -timeout 40m $(GOTEST) ./... || failed=1; \
	done; exit $$failed

test-tools: # the generators of ours: a module of its own
	cd internal/tools && go test ./...

test-swift: build
	@LATCHKEY_BIN=$(CURDIR)/$(BIN) clients/swift/test.sh

test-swift-package: # what is for Apple's systems only, type-checked; the package added by its repository's URL
	@clients/swift/test-package.sh

test-axios: build
	@if [ -n "$(HAS_NODE)" ]; then \
		$(INSTALL) internal/e2e/axios/node_modules/.installed && cd internal/e2e/axios && LATCHKEY_BIN=$(CURDIR)/$(BIN) node --test; \
	else \
		echo "left out: the axios test needs Node 20 or newer: $(NODE_HINT)"; \
	fi

test-verify: build
	@if [ -n "$(HAS_NODE)" ] && [ -n "$(HAS_VENV)" ]; then \
		LATCHKEY_TEST_VERIFY=1 LATCHKEY_BIN=$(CURDIR)/$(BIN) go test -C internal/e2e -count=1 ./backend; \
	else \
		echo "left out: the programs of docs/verify.md need Python 3 with venv and Node 20 or newer: apt-get install python3-venv, nodejs.org"; \
	fi

# npm ci, once for each lock file. Not for the example app: it gets a copy of the client as it is built now.
%/node_modules/.installed: %/package-lock.json
	@cd $* && npm ci $(if $(findstring speclint,$*),--ignore-scripts) --silent --no-audit --no-fund && touch node_modules/.installed

test-django: build # the package latchkey-django, on DJANGO (4.2 5.2); 6.0 needs Python 3.12 (PYTHON=python3.12)
	@if [ -n "$(HAS_VENV)" ]; then \
		clients/django/test.sh lint && \
		LATCHKEY_BIN=$(CURDIR)/$(BIN) go run ./internal/testdb/testpg clients/django/test.sh $(or $(DJANGO),4.2 5.2); \
	else \
		echo "left out: the Django package's tests need Python 3 with venv: apt-get install python3-venv"; \
	fi

# Django 6.0 needs Python 3.12 or newer, which Debian bookworm does not have.
NEWER_PYTHON = $(firstword $(foreach python,python3.14 python3.13 python3.12 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python3), \
	$(shell $(python) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo $(python))))

test-django-6:
	@if [ -n "$(NEWER_PYTHON)" ]; then \
		$(MAKE) --no-print-directory test-django DJANGO=6.0 PYTHON=$(NEWER_PYTHON); \
	else \
		echo "left out: Django 6.0 needs Python 3.12 or newer, with venv"; \
	fi

test-typescript: build
	@if [ -n "$(HAS_NODE)" ]; then \
		$(INSTALL) clients/typescript/node_modules/.installed && cd clients/typescript && LATCHKEY_BIN=$(CURDIR)/$(BIN) npm test; \
	else \
		echo "left out: the TypeScript client's tests need Node 20 or newer: $(NODE_HINT)"; \
	fi

# The packed TypeScript client in small projects of others (Node, TypeScript, Jest, Metro, server rendering), its size,
# in Hermes, and as the linters of packages see it.
test-packages:
	@if [ -n "$(HAS_NODE)" ]; then \
		$(INSTALL) clients/typescript/node_modules/.installed && cd clients/typescript && npm run --silent build && \
		npm ci --prefix example --silent --no-audit --no-fund && npm run --silent test:packages && \
		npm run size && npm run hermes && npm run lint:package; \
	else \
		echo "left out: the TypeScript client in projects of others needs Node 20 or newer: $(NODE_HINT)"; \
	fi

# The example app of the TypeScript client: exported for the web and driven in Chromium, then
# once for a phone.
test-example: build
	@if [ -n "$(HAS_NODE)" ] && [ -n "$(HAS_CHROMIUM)" ]; then \
		$(INSTALL) clients/typescript/node_modules/.installed && cd clients/typescript && npm run --silent build && \
		cd example && npm ci --silent --no-audit --no-fund && \
		npm run typecheck && npm test && npm run export:web && LATCHKEY_BIN=$(CURDIR)/$(BIN) npm run walk && npm run export:android; \
	else \
		echo "left out: the example app needs Node 20 or newer, and Chromium: apt-get install chromium"; \
	fi

conformance: build ## Play every scenario against every client and print the table client × scenario (DRIVERS=go,typescript,swift)
	@$(INSTALL) clients/typescript/node_modules/.installed
	cd clients/typescript && npm run --silent build
	clients/swift/toolchain.sh swift build -Xswiftc -warnings-as-errors
	go run ./clients/conformance -server $(BIN) -drivers $(DRIVERS)

contract: build ## Hold a server against openapi.yaml: BASE_URL=…, or else a fresh `latchkey dev`
	@if [ -n "$(BASE_URL)" ]; then go run ./clients/contract -base-url $(BASE_URL); else \
		LATCHKEY_BIN=$(CURDIR)/$(BIN) clients/contract/with-dev.sh sh -c 'go run ./clients/contract -base-url $$BASE_URL -services $$SERVICES_URL -strict -complete'; \
	fi

contract-schemathesis: build ## The same from outside: schemathesis, from PyPI, at a fresh `latchkey dev` (SEED=1: the calls that it makes up)
	@python3 -m venv .ci/python && .ci/python/bin/pip install -q --disable-pip-version-check -r clients/contract/requirements.txt
	@PATH="$(CURDIR)/.ci/python/bin:$$PATH" ACCOUNT_RATE_LIMITS=false LATCHKEY_BIN=$(CURDIR)/$(BIN) clients/contract/with-dev.sh clients/contract/schemathesis.sh --no-color --seed $(or $(SEED),1)

# As allauth's defaults: no passkeys in place of a password. The Java client's ids have 32 bits.
foreign-clients: build ## Walk through a fresh `latchkey dev` with clients generated from allauth's own document: Python, Java (JDK, Maven)
	@MFA_PASSKEY_LOGIN_ENABLED=false LATCHKEY_USER_IDS=int31 LATCHKEY_BIN=$(CURDIR)/$(BIN) clients/contract/with-dev.sh clients/foreign/run.sh

bare: ## Run the README's two commands on bare machines: SYSTEM=bookworm|trixie, ACCOUNT=root|user, DO="run test" (root, Debian)
	.ci/bare-machine $(or $(SYSTEM),bookworm) $(or $(ACCOUNT),user) $(DO)

check: ## Run everything else that CI runs, and print a table of seconds (RACE=-race; an hour)
	@.ci/check

check-all: ## What takes too long for every change: all four bare machines, what operators get, the drill (root, Debian)
	.ci/bare-machine bookworm user run test
	.ci/bare-machine bookworm root run test
	.ci/bare-machine trixie user run test
	.ci/bare-machine trixie root run test
	$(MAKE) deploy chart snapshot drill
	$(MAKE) test-django-6 moving-in

generate: ## Rebuild all generated code from openapi.yaml, schema.sql and queries/
	$(TOOLS) oapi-codegen -config api/server.cfg.yaml openapi.yaml
	sed 's|^var rawSpec = decodeSpecCached()$$|var rawSpec = decodeSpecOnce()|' api/server.gen.go >api/server.new && mv api/server.new api/server.gen.go
	$(TOOLS) oapi-codegen -config api/client.cfg.yaml openapi.yaml
	sed 's|"github.com/oapi-codegen/runtime"|"github.com/latchkey-auth/latchkey/clients/go/internal/runtime"|' clients/go/latchkey/client.gen.go >clients/go/latchkey/client.new && \
		mv clients/go/latchkey/client.new clients/go/latchkey/client.gen.go
	for package in strictjson userid jose; do \
		{ printf '// Code generated by `make generate` from internal/%s; DO NOT EDIT.\n\n' $$package; cat internal/$$package/$$package.go; } \
			>clients/go/internal/$$package/$$package.gen.go; \
	done
	rm -f internal/db/*.gen.go
	$(TOOLS) sqlc generate
	@$(INSTALL) clients/typescript/node_modules/.installed
	cd clients/typescript && npm run --silent generate
	go run -C internal/tools/argon2 . -out ../../argon2/compress_amd64.s -stubs ../../argon2/compress_amd64.go -pkg argon2
	go run -C internal/tools ./actions -spec ../../openapi.yaml -root ../..
	go run -C internal/tools ./samples -spec ../../openapi.yaml -root ../..
	go run -C internal/tools ./operations -spec ../../openapi.yaml -out ../server/operations.gen.json
	go run -C internal/tools ./swiftgen ../../openapi.yaml ../../clients/swift/Sources/LatchkeyAPI
	go run . config --markdown > docs/settings.md.new && mv docs/settings.md.new docs/settings.md
	go run . flows > docs/flows.md.new && mv docs/flows.md.new docs/flows.md
	go run -C internal/tools ./requirements -root ../..
	go run -C internal/tools ./architecture -root ../..

verify: ## Fail when generated code is not current, or go.mod not tidy
	@rm -rf .verify && mkdir .verify && for f in $(MADE); do mkdir -p .verify/$$(dirname $$f) && cp -R $$f .verify/$$f; done
	@$(MAKE) --no-print-directory generate
	@for f in $(MADE); do diff -r .verify/$$f $$f || { echo "$$f was not current: commit what make generate wrote"; exit 1; }; done
	@rm -rf .verify
	@for module in $(MODULES); do echo "go mod tidy -diff, in $$module"; go -C $$module mod tidy -diff || exit 1; done

lint: ## go vet and golangci-lint (.golangci.yml)
	for module in $(MODULES); do go vet -C $$module ./... || exit 1; done
	for module in $(MODULES); do (cd $$module && $(LINT) run ./...) || exit 1; done

lint-spec: ## Hold openapi.yaml against the recommended rules of redocly and Spectral (Node 20)
	@$(INSTALL) internal/tools/speclint/node_modules/.installed
	@cd internal/tools/speclint && npm run --silent lint

fuzz: ## Run every fuzz target for FUZZ (60s) each
	@for m in $(MODULES); do \
		for p in $$(go list -C $$m ./...); do \
			for f in $$(go test -C $$m -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
				echo "$$p $$f"; go test -C $$m -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZ) $$p || exit 1; \
			done; \
		done; \
	done

bench: build ## Compare with a bare reference server: throughput, latency, memory (PEERS=1: and with better-auth, Node 20; BIG=1: 2,000,000 sessions; JSON=file; BENCH=-help: flags, BENCH="-janitor 10000000": the janitor alone)
	go build -trimpath -o bin/bench ./internal/bench
	$(if $(PEERS),cd internal/bench/peers && npm ci --ignore-scripts --silent)
	@exec bin/bench -server $(BIN) $(if $(PEERS),-peers internal/bench/peers -svg docs/performance.svg) $(if $(BIG),-big) $(if $(JSON),-json $(JSON)) $(BENCH)

chaos: ## Play phones, plain clients, thieves, kills and a fail-over until REFRESHES (300000) are done; fails on a broken promise
	go build -trimpath -o bin/chaos ./internal/chaos
	@exec bin/chaos -refreshes $(REFRESHES) $(if $(SEED),-seed $(SEED))

moving-day: build ## Turn the proxy of CLIENTS (200) stock clients from an allauth-like server to Latchkey, kill importers, cut answers, steal tokens; fails on a sign-out
	go build -trimpath -o bin/moving ./internal/chaos/moving
	@exec bin/moving -server $(BIN) -clients $(CLIENTS)

moving-in: build ## Move sites with real django-allauth into Latchkey and back: USERS (500) with integer, bigint and UUID ids sign in by all they have (Python with venv)
	@LATCHKEY_BIN=$(CURDIR)/$(BIN) USERS=$(or $(USERS),500) go run ./internal/testdb/testpg clients/django/test.sh moving-in $(or $(DJANGO),5.2)

import-million: build ## Import USERS (1000000) users into a PostgreSQL of its own, and fail above five minutes or 100 MiB
	@go build -trimpath -o bin/million ./internal/bench/million
	@exec bin/million -server $(BIN) -users $(or $(USERS),1000000)

drill: build ## Break two servers on a Patroni pair, scenario by scenario, and print what clients notice (Debian; DRILL="switchover restart", PHONES=24)
	@exec .ci/drill $(DRILL)

cost: build ## Measure what a sign-up, a sign-in, a refresh and a look-up cost server and database (needs pg_stat_statements: Debian's postgresql)
	@go build -trimpath -o bin/cost ./internal/chaos/cost
	@exec bin/cost -server $(BIN)

hot: ## Ask PostgreSQL whether each hot statement of docs/scale.md uses its index among HOT sessions (1000000; 10000000 take 8 GB)
	LATCHKEY_HOT_SESSIONS=$(HOT) go run ./internal/testdb/testpg go test -count=1 -timeout 2h -v -run TestHotStatements ./internal/postgres
