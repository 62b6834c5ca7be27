// Package internal_test checks the rules of the repository: which package may import which, and which may use
// which library. A newcomer can read the architecture here.
package internal_test

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/latchkey-auth/latchkey/"

// layers, the lowest first: a package imports only packages of lower layers, never a neighbour.
// docs/architecture.svg shows them.
var layers = [][]string{
	{"internal/typed", "internal/userid", "internal/argon2", "internal/foreignhash", "internal/startup"},
	{
		"api", "internal/db", "internal/problem", "internal/secret", "internal/strictjson", "internal/jose", "internal/phone", "internal/policy", "internal/fakeprovider",
		"internal/platform", "internal/loopback", "internal/secretfile",
		"internal/postgres/programs", "internal/moving/format",
	},
	{"internal/trace", "internal/moving/source", "internal/webhook"},
	{"internal/password", "internal/email", "internal/postgres"},
	{"internal/session", "internal/token", "internal/code", "internal/sharedkey", "internal/tenant", "internal/outbox", "internal/limit", "internal/factor", "internal/provider", "internal/snapshot", "internal/unverified", "internal/address", "internal/arrival"}, // parts, handed a transaction
	{"internal/audit", "internal/notice", "internal/authenticator", "internal/ops", "internal/passwordhook"},
	{"internal/caller", "internal/moving/mover"},
	{"internal/flow", "internal/account", "internal/undo"}, // use cases: they open the transactions
	{"internal/service", "internal/server", "internal/admin", "internal/moving"},
	{"internal/config"},
	{"internal/app"},
	{"main"},
}

// outside are packages that only tests use, and the clients, which use nothing of ours.
var outside = []string{
	"internal/softkey", "internal/testdb", "internal/testdb/testpg", "internal/postgres/programs/find", "internal/e2e", "internal/e2e/backend", "internal/e2e/goclient", "internal/e2e/modules", "internal/e2e/tour", "internal/bench", "internal/bench/million", "internal/chaos", "internal/chaos/cost", "internal/chaos/moving", "internal/e2e/drill", "internal", "clients/go/latchkey", "clients/go/latchkey/latchkeytest", "clients/go/example",
	"clients/go/verify", "clients/go/verify/fiber", "clients/go/internal/runtime", "clients/go/internal/strictjson", "clients/go/internal/userid", "clients/go/internal/jose", "clients/go/internal/driver", "clients/contract", "clients/contract/devserver", "clients/contract/totp", "clients/conformance",
}

// allowedImports lists the packages that may import a library. It does not apply to tests.
var allowedImports = map[string][]string{
	"github.com/gofiber/fiber":            {"api", "internal/server", "internal/bench", "clients/go/verify/fiber"},
	"github.com/valyala/fasthttp":         {"internal/server", "internal/bench"},
	"github.com/lestrrat-go/jwx":          {"internal/token", "internal/provider"},
	"github.com/go-webauthn/webauthn":     {"internal/factor"},
	"github.com/jackc/pgx":                {"internal/postgres", "internal/db", "internal/outbox", "internal/testdb", "internal/bench", "internal/bench/million", "internal/chaos", "internal/chaos/cost", "internal/chaos/moving", "internal/e2e/drill", "clients/conformance"},
	"github.com/pressly/goose":            {"internal/postgres"},
	"github.com/riverqueue/river":         {"internal/outbox", "internal/postgres"},
	"github.com/wneessen/go-mail":         {"internal/outbox"},
	"golang.org/x/text":                   {"internal/outbox", "internal/password", "internal/typed"},
	"golang.org/x/net":                    {"internal/email"},
	"github.com/getkin/kin-openapi":       {"api", "internal/server", "clients/contract"},
	"github.com/alexedwards/argon2id":     {"internal/password", "internal/bench"},
	"github.com/go-json-experiment/json":  {"internal/strictjson", "internal/moving/format", "internal/moving/source", "clients/go/internal/strictjson"},
	"github.com/nyaruka/phonenumbers":     {"internal/phone"},
	"github.com/hashicorp/golang-lru":     {"internal/token"},
	"github.com/alecthomas/kong":          {"internal/app"},
	"github.com/ulikunitz/xz":             {"internal/postgres/programs"},
	"github.com/prometheus/client_golang": {"internal/ops"},
	"go.opentelemetry.io/otel":            {"internal/trace"},
	"github.com/go-logr/logr":             {"internal/trace"},
	"golang.org/x/crypto/x509roots":       {"internal/app"},
	"os/exec":                             {"internal/postgres", "internal/postgres/programs", "internal/testdb/testpg", "internal/bench", "internal/bench/million", "internal/chaos", "internal/chaos/cost", "internal/chaos/moving", "internal/e2e/drill", "clients/contract/devserver", "clients/conformance"}, // latchkey serve starts no program
	"math/rand":                           {"internal/server", "internal/bench", "internal/bench/million", "internal/chaos", "internal/chaos/moving", "internal/e2e/drill", "clients/go/latchkey"},                                                                                                                // jitter of Retry-After; which token is shown next; a run that can be repeated
}

// calls: which packages may call a function.
var calls = map[string][]string{
	"os.Getenv":  {"internal/testdb", "internal/postgres/programs/find", "internal/chaos", "internal/chaos/cost", "internal/chaos/moving", "internal/e2e", "internal/bench", "internal/bench/million", "clients/contract/devserver"},
	"os.Environ": {"internal/config", "internal/testdb/testpg", "internal/e2e", "clients/contract/devserver"},
	"time.Now":   {"internal/app", "internal/password", "internal/postgres", "internal/postgres/programs", "internal/testdb", "internal/e2e", "internal/e2e/tour", "internal/bench", "internal/bench/million", "internal/chaos", "internal/chaos/cost", "internal/chaos/moving", "internal/e2e/drill", "clients/go/latchkey", "clients/go/latchkey/latchkeytest", "clients/go/verify", "clients/contract", "clients/conformance", "clients/go/internal/driver"},
}

// sqlBuiltInGo are the only files with SQL text: the claims function, whose name is a
// setting, limits of statements and names of indexes, which cannot be parameters, and
// what makes the databases of tests and of measurements.
var sqlBuiltInGo = []string{
	"internal/postgres/claims.go", "internal/postgres/pooler.go", "internal/postgres/migrator.go", "internal/testdb/testdb.go", "internal/testdb/old.go",
	"internal/bench/data.go", "internal/bench/janitor.go", "internal/chaos/failover.go", "internal/chaos/age.go", "internal/e2e/drill/cluster.go", "internal/e2e/drill/database.go", "internal/chaos/cost/figures.go", "internal/chaos/cost/main.go", "internal/chaos/moving/stage.go", "internal/chaos/moving/report.go", "clients/conformance/database.go",
}

type listed struct {
	path    string
	imports []string
}

// modules are the folders of the Go modules, as the Makefile lists them for tests and linters. Tools have
// modules of their own.
func modules(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^MODULES := (.*)$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("the Makefile has no MODULES")
	}

	return strings.Fields(string(found[1]))
}

// `./...` ends at the go.mod of another module.
func TestHouse_everyModuleIsTestedAndLinted(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("git", "-C", "..", "ls-files", "go.mod", "*/go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}

	covered := modules(t)
	for _, name := range strings.Fields(string(out)) {
		folder := filepath.ToSlash(filepath.Dir(name))
		isTool := strings.HasPrefix(folder+"/", "internal/tools/")
		if !isTool && !slices.Contains(covered, folder) {
			t.Errorf("%s has a go.mod, but MODULES in the Makefile does not list it", folder)
		}
	}
}

func packages(t *testing.T) []listed {
	t.Helper()
	var list []listed
	for _, folder := range modules(t) {
		out, err := exec.Command("go", "list", "-C", filepath.Join("..", folder), "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
			words := strings.Fields(lines.Text())
			path := strings.TrimPrefix(words[0]+"/", module)
			path = strings.TrimSuffix(path, "/")
			if path == "" || words[0]+"/" == module {
				path = "main"
			}
			list = append(list, listed{path, words[1:]})
		}
	}
	return list
}

func layerOf(name string) int {
	return slices.IndexFunc(layers, func(packages []string) bool { return slices.Contains(packages, name) })
}

func TestHouse_packagesImportLowerLayers(t *testing.T) {
	for _, p := range packages(t) {
		layer := layerOf(p.path)
		if layer < 0 && !slices.Contains(outside, p.path) {
			t.Errorf("%s is in no layer", p.path)
		}
		for _, i := range p.imports {
			name, ours := strings.CutPrefix(i, module)
			if ours && layer >= 0 && (layerOf(name) < 0 || layerOf(name) >= layer) {
				t.Errorf("%s must not import %s: only packages of lower layers", p.path, name)
			}
		}
	}
}

func TestHouse_librariesHaveAllowedImporters(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.imports {
			for library, by := range allowedImports {
				if (i == library || strings.HasPrefix(i, library+"/")) && !slices.Contains(by, p.path) {
					t.Errorf("%s must not import %s: only %v may", p.path, i, by)
				}
			}
		}
	}
}

// goFiles calls f with every file of ours that is written by hand and no test.
func goFiles(t *testing.T, f func(path string, file *ast.File, set *token.FileSet)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "node_modules" || d.Name() == "tools") {
				return filepath.SkipDir
			}
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "../")
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".gen.go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f(name, file, set)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var sqlText = regexp.MustCompile(`(?i)^\s*(select|insert into|update|delete from|create|drop|alter|set|with)\s`)

func TestHouse_sqlIsInQueriesAndCallsAreAllowed(t *testing.T) {
	goFiles(t, func(name string, file *ast.File, set *token.FileSet) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if n.Kind == token.STRING && sqlText.MatchString(strings.Trim(n.Value, "\"`")) && !slices.Contains(sqlBuiltInGo, name) && looksLikeSQL(n.Value) {
					t.Errorf("%s: SQL belongs into queries/*.sql: %s", set.Position(n.Pos()), n.Value)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok {
					by, kept := calls[x.Name+"."+n.Sel.Name]
					if kept && !slices.Contains(by, filepath.ToSlash(filepath.Dir(name))) {
						t.Errorf("%s: only %v may call %s.%s", set.Position(n.Pos()), by, x.Name, n.Sel.Name)
					}
				}
			}
			return true
		})
	})
}

// looksLikeSQL keeps sentences apart, such as "set one of them": SQL has its verbs in capitals.
func looksLikeSQL(s string) bool {
	word := strings.Fields(strings.Trim(s, "\"`"))[0]
	return word == strings.ToUpper(word)
}

func TestHouse_onlyOneBegin(t *testing.T) {
	goFiles(t, func(name string, file *ast.File, set *token.FileSet) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Begin") && name != "internal/postgres/postgres.go" {
				t.Errorf("%s: transactions begin in postgres.DB.Tx alone", set.Position(n.Pos()))
			}
			return true
		})
	})
}

const (
	maxFileLines  = 500
	maxStatements = 40
	maxParameters = 5
	maxMethods    = 5
)

// countStatements counts the statements of a function, nested ones included. Blank lines and
// comments cost nothing, so that code can be read in paragraphs.
func countStatements(f *ast.FuncDecl) int {
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		switch node.(type) {
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause, *ast.EmptyStmt:
			return true
		case ast.Stmt:
			n++
		}

		return true
	})

	return n
}

func TestHouse_filesAndFunctionsAreSmall(t *testing.T) {
	goFiles(t, func(name string, file *ast.File, set *token.FileSet) {
		if lines := set.Position(file.End()).Line; lines > maxFileLines {
			t.Errorf("%s has %d lines, %d are the most", name, lines, maxFileLines)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if statements := countStatements(n); statements > maxStatements {
					t.Errorf("%s: %s has %d statements, %d are the most", name, n.Name.Name, statements, maxStatements)
				}
				if n.Type.Params.NumFields() > maxParameters {
					t.Errorf("%s: %s has more than %d parameters: use an input struct", name, n.Name.Name, maxParameters)
				}
			case *ast.InterfaceType:
				if n.Methods.NumFields() > maxMethods {
					t.Errorf("%s: an interface with more than %d methods", set.Position(n.Pos()), maxMethods)
				}
			}
			return true
		})
	})
}
