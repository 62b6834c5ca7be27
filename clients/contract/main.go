// Command contract plays every operation of openapi.yaml at a running server and checks
// every answer against the document: see docs/contract-tests.md.
//
//	go run ./clients/contract -base-url http://127.0.0.1:8080
//
// It signs up throw-away people, contract+<random>@example.com, and deletes them again
// where the server lets it. It exits with 1 when an answer breaks the contract, and with 2
// when it could not start.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

// settings are the flags.
type settings struct {
	baseURL, spec, services string
	json, strict, complete  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("contract", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&s.baseURL, "base-url", "", "where the server is, such as http://127.0.0.1:8080")
	flags.StringVar(&s.spec, "spec", "", "a file, an http(s) URL, or `server` for what the server itself publishes; default: the document that this program was built with")
	flags.StringVar(&s.services, "services", "", "where the server's Apple and Google are played, as `latchkey dev` prints it; default: nobody signs in with another service")
	flags.BoolVar(&s.json, "json", false, "print the report as JSON")
	flags.BoolVar(&s.strict, "strict", false, "a member that the document does not have is a mismatch too")
	flags.BoolVar(&s.complete, "complete", false, "fail when an operation was never seen to succeed")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || !strings.HasPrefix(s.baseURL, "http://") && !strings.HasPrefix(s.baseURL, "https://") {
		_, _ = fmt.Fprintln(errs, "contract: -base-url is needed: an http or https URL")
		return 2
	}
	s.baseURL, s.services = strings.TrimSuffix(s.baseURL, "/"), strings.TrimSuffix(s.services, "/")
	doc, err := load(ctx, s)
	if err != nil {
		_, _ = fmt.Fprintln(errs, "contract:", err)
		return 2
	}
	r, err := newSuite(s, doc).play(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(errs, "contract:", err)
		return 2
	}
	if err := r.print(out, s); err != nil {
		_, _ = fmt.Fprintln(errs, "contract:", err)
		return 2
	}
	if len(r.Mismatches) > 0 || s.complete && len(r.NotPlayed) > 0 {
		return 1
	}
	return 0
}
