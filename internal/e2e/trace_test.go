package e2e

import (
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// collector is the receiving side of OTLP over HTTP.
type collector struct {
	*httptest.Server

	mu       sync.Mutex
	spans    []*tracepb.Span
	resource string // as text, of the last request
	headers  []http.Header
}

func newCollector(t testing.TB) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(c.handler(t))
	t.Cleanup(c.Close)

	return c
}

func (c *collector) handler(t testing.TB) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusBadRequest)
		}
	})
}

func (c *collector) take(r *http.Request) error {
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s %s of %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}

	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unpacked
	}

	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var request collectorpb.ExportTraceServiceRequest
	if err := proto.Unmarshal(text, &request); err != nil {
		return err
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	c.headers = append(c.headers, r.Header)
	for _, of := range request.ResourceSpans {
		c.resource = prototext.Format(of.Resource)
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}

	return nil
}

// settings make a server send its spans here, soon after they end.
func (c *collector) settings() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_BSP_SCHEDULE_DELAY=5"}
}

func (c *collector) all() []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()

	return slices.Clone(c.spans)
}

// text is what spans say, without their ids and times.
func (c *collector) text() string {
	var b strings.Builder
	for _, s := range c.all() {
		fmt.Fprintln(&b, s.Name, s.Attributes, s.Events, s.Status, s.TraceState)
	}

	return b.String() + c.resource
}

// named waits for the nth span of a name, counted from 1.
func (c *collector) named(t testing.TB, name string, n int) span {
	t.Helper()

	var found []*tracepb.Span
	eventually(t, 10*time.Second, fmt.Sprintf("%d spans %q", n, name), func() bool {
		found = slices.DeleteFunc(c.all(), func(s *tracepb.Span) bool { return s.Name != name })
		return len(found) >= n
	})

	return span{found[n-1], c}
}

// span is a span that arrived.
type span struct {
	*tracepb.Span

	c *collector
}

func (s span) trace() string { return hex.EncodeToString(s.TraceId) }

// attribute is the text of an attribute; empty for none.
func (s span) attribute(name string) string {
	for _, a := range s.Attributes {
		if a.Key != name {
			continue
		}
		if text := a.Value.GetStringValue(); text != "" {
			return text
		}

		return fmt.Sprint(a.Value.GetIntValue())
	}

	return ""
}

// children are the names of the steps below a span, in the order of their beginning.
func (s span) children(t testing.TB, want ...string) {
	t.Helper()

	var names []string
	defer func() {
		if t.Failed() {
			t.Logf("the steps of %s are %v", s.Name, names)
		}
	}()
	eventually(t, 10*time.Second, fmt.Sprintf("steps %v of %s", want, s.Name), func() bool {
		below := slices.DeleteFunc(s.c.all(), func(other *tracepb.Span) bool {
			return string(other.ParentSpanId) != string(s.SpanId) || string(other.TraceId) != string(s.TraceId)
		})
		slices.SortStableFunc(below, func(a, b *tracepb.Span) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
		names = nil
		for _, child := range below {
			names = append(names, child.Name)
		}

		return !slices.ContainsFunc(want, func(name string) bool { return !slices.Contains(names, name) })
	})
}

func (s span) wants(t testing.TB, attributes map[string]string) {
	t.Helper()

	for name, want := range attributes {
		if got := s.attribute(name); got != want {
			t.Errorf("%s of %s: %q, want %q", name, s.Name, got, want)
		}
	}
}

// tracedWorld is a world whose server is traced, and where its spans arrive.
func tracedWorld(t *testing.T, settings ...string) (*world, *collector) {
	t.Helper()
	c := newCollector(t)

	return start(t, append(c.settings(), settings...)...), c
}

func TestTraces_aRequestIsASpanAndItsStepsAreBelow(t *testing.T) {
	t.Parallel()
	w, c := tracedWorld(t)
	w.signedUp(ada)
	w.signIn(ada)

	s := c.named(t, "login", 1)
	s.wants(t, map[string]string{
		"http.request.method": "POST", "http.route": loginPath, "http.response.status_code": "200", "latchkey.code": "", "error.type": "",
	})
	if s.Kind != tracepb.Span_SPAN_KIND_SERVER || len(s.ParentSpanId) != 0 || s.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("kind %v, parent %x, status %v", s.Kind, s.ParentSpanId, s.Status)
	}
	s.children(t, "password gate wait", "password hash", "BEGIN", "FindSignInFacts", "InsertSession", "COMMIT")

	statement := c.named(t, "InsertSession", 1)
	statement.wants(t, map[string]string{"db.system.name": "postgresql", "db.query.summary": "InsertSession", "db.query.text": ""})

	lines := w.logged()
	if got := lines[len(lines)-1]["trace_id"]; got != s.trace() {
		t.Errorf("the line of the request has trace_id %v, want %s", got, s.trace())
	}
	for _, want := range []string{`"service.name"`, `"latchkey"`, `"service.version"`} {
		if !strings.Contains(c.resource, want) {
			t.Errorf("the resource lacks %s: %s", want, c.resource)
		}
	}
}

func TestTraces_tellRefusalsFromFailures(t *testing.T) {
	t.Parallel()
	w, c := tracedWorld(t)
	w.signedUp(ada)
	w.call("POST", loginPath, credentials(ada, wrongPassword)).wants(400)
	w.call("GET", "/nowhere/"+canary, "").wants(404)
	w.cut()
	w.call("POST", loginPath, credentials(ada, goodPassword)).wants(503)
	w.mend()

	refused := c.named(t, "login", 1)
	refused.wants(t, map[string]string{"latchkey.code": "email_password_mismatch", "http.response.status_code": "400", "error.type": ""})
	if refused.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("a refusal counts as a failure: %v", refused.Status)
	}
	failed := c.named(t, "login", 2)
	failed.wants(t, map[string]string{"latchkey.code": "temporarily_unavailable", "http.response.status_code": "503", "error.type": "temporarily_unavailable"})
	if failed.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("a failure does not count as one: %v", failed.Status)
	}
	c.named(t, "GET", 1).wants(t, map[string]string{"http.route": "", "http.response.status_code": "404"})
}

func TestTraces_aMessageIsLinkedToTheRequestThatCausedIt(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	// The proxy has this request recorded; the sampler by itself would record neither it nor the message.
	w := mailing(t, append(c.settings(), "ACCOUNT_LOGIN_BY_CODE_ENABLED=true", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1", "OTEL_TRACES_SAMPLER=parentbased_always_off")...)
	v := w.visitor()
	v.strange = []string{"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	v.post(codeRequestPath, "email", "nobody@example.com").waits("login_by_code")
	w.delivered()

	request, message := c.named(t, "requestLoginCode", 1), c.named(t, "message", 1)
	if len(message.Links) != 1 || string(message.Links[0].SpanId) != string(request.SpanId) || string(message.Links[0].TraceId) != string(request.TraceId) {
		t.Errorf("the message is linked to %v, want %x", message.Links, request.SpanId)
	}
	if message.trace() == request.trace() || len(message.ParentSpanId) != 0 || message.Kind != tracepb.Span_SPAN_KIND_CONSUMER {
		t.Errorf("the message is no trace of its own: %v", message)
	}
	message.children(t, "FindMessage", "mail", "MarkMessageSent")
}

// Whoever writes traceparent chooses the trace, and whether it is recorded.
func TestTraces_onlyAProxyNamesTheParent(t *testing.T) {
	t.Parallel()
	const (
		id      = "0af7651916cd43dd8448eb211c80319c"
		parent  = "traceparent: 00-" + id + "-b7ad6b7169203331-01"
		dropped = "traceparent: 00-" + id + "-b7ad6b7169203331-00"
	)
	for name, c := range map[string]struct {
		settings []string
		header   string
		traces   int
		joins    bool
	}{
		"from a client":                      {nil, parent, 1, false},
		"not recorded, from a client":        {nil, dropped, 1, false},
		"from a proxy":                       {[]string{"LATCHKEY_TRUSTED_PROXIES=127.0.0.1"}, parent, 1, true},
		"not recorded, from a proxy":         {[]string{"LATCHKEY_TRUSTED_PROXIES=127.0.0.1"}, dropped, 0, false},
		"from a proxy, without propagators":  {[]string{"LATCHKEY_TRUSTED_PROXIES=127.0.0.1", "OTEL_PROPAGATORS=none"}, parent, 1, false},
		"malformed, from a proxy":            {[]string{"LATCHKEY_TRUSTED_PROXIES=127.0.0.1"}, parent + "-" + canary, 1, false},
		"from a proxy, none asked for":       {[]string{"LATCHKEY_TRUSTED_PROXIES=127.0.0.1", "OTEL_TRACES_SAMPLER=always_off"}, parent, 0, false},
		"not recorded, and the sampler's is": {[]string{"LATCHKEY_TRUSTED_PROXIES=127.0.0.1", "OTEL_TRACES_SAMPLER=always_on"}, dropped, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, at := tracedWorld(t, c.settings...)
			w.call("GET", configPath, "", c.header, "tracestate: "+canary+"=1").wants(200)
			w.stop() // sends what waits

			spans := at.all()
			if len(spans) != c.traces {
				t.Fatalf("%d spans, want %d: %v", len(spans), c.traces, spans)
			}
			if c.traces == 0 {
				return
			}

			joins := hex.EncodeToString(spans[0].TraceId) == id && hex.EncodeToString(spans[0].ParentSpanId) == "b7ad6b7169203331"
			if joins != c.joins {
				t.Errorf("trace %x, parent %x", spans[0].TraceId, spans[0].ParentSpanId)
			}
			if strings.Contains(at.text(), canary) {
				t.Errorf("a span contains what a client sent: %v", spans)
			}
		})
	}
}

func TestTraces_areSampledAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]int{"0": 0, "1": 20} {
		w, c := tracedWorld(t, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG="+arg)
		for range 20 {
			w.call("GET", configPath, "").wants(200)
		}
		w.stop()
		if got := len(c.all()); got != want {
			t.Errorf("%d of 20 requests are traced at a share of %s, want %d", got, arg, want)
		}
	}
}

// Every kind of request, and of message: nothing of what a user sent or got is in a span.
func TestTraces_holdNoSecretAndNoAddress(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	h := open(t, append(c.settings(), "MFA_SUPPORTED_TYPES=totp,recovery_codes,webauthn")...)
	app := h.owner.withTOTP()
	codes := h.owner.recoveryCodes()
	h.visitor().post(loginPath, "email", ada, "password", wrongPassword).wants(400)
	v := h.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", codes[0]).in()
	h.refreshed(v)
	h.visitor().asked(keyLoginPath)
	v = h.visitor()
	n := len(h.letters(ada))
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.post(codeConfirmPath, "code", h.mailedCode(ada, n+1)).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(h.clock.Now())).in()
	h.call("GET", configPath+"?"+canary, "", "User-Agent: "+canary, "X-Device-Name: "+canary, "X-Forwarded-For: 203.0.113.77").wants(200)
	h.delivered()
	c.named(t, "sms", 1)
	c.named(t, "mail", 1)
	c.named(t, "provider keys", 1)
	h.stop()

	text := c.text()
	if len(c.all()) < 100 {
		t.Fatalf("only %d spans", len(c.all()))
	}
	for _, personal := range []string{ada, "@", number, "127.0.0.1", "203.0.113", canary, h.g.URL, goodPassword, wrongPassword} {
		if strings.Contains(text, personal) {
			t.Errorf("a span contains %q", personal)
		}
	}
	h.secrets.mu.Lock()
	defer h.secrets.mu.Unlock()
	for value, what := range h.secrets.seen {
		if stands(text, what, value) {
			t.Errorf("a %s is in a span", what)
		}
	}
}

// A collector that takes connections and never answers is worse than one that refuses them.
func TestTraces_aCollectorThatIsAwayChangesNothing(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })

	for name, endpoint := range map[string]string{"silent": "http://" + silent.Addr().String(), "refusing": "http://" + freePort(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := served(t, testdb.New(t), opsAnyPort, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint,
				"OTEL_BSP_MAX_QUEUE_SIZE=8", "OTEL_BSP_SCHEDULE_DELAY=5").serving(t)
			addr := p.opsAddr()
			p.call("POST", signupPath, credentials(ada, goodPassword)).wants(200)
			began := time.Now()
			for range 200 {
				p.call("GET", configPath, "").wants(200)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("200 requests took %v", took)
			}

			p.until(10*time.Second, "spans failed or dropped", func() bool {
				_, body := ask(t, addr, "/metrics")
				lost := regexp.MustCompile(`latchkey_trace_spans_total\{result="(failed|dropped)"\} [1-9]`)

				return lost.MatchString(body) && strings.Contains(body, `latchkey_trace_spans_total{result="exported"} 0`)
			})
			if n := strings.Count(p.log.String(), `"msg":"traces: `); n != 1 {
				t.Errorf("%d lines about traces, want one a minute:\n%s", n, p.log)
			}

			p.signal(syscall.SIGTERM)
			began = time.Now()
			if code := p.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("the end took %v", took)
			}
		})
	}
}

// What waits is sent before the program ends: after this request, and before the hour of the batch.
func TestTraces_aDrainSendsWhatWaits(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	p := served(t, testdb.New(t), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+c.URL+"/v1/traces", "OTEL_BSP_SCHEDULE_DELAY=60000",
		"OTEL_EXPORTER_OTLP_HEADERS=api-key=s3cr3t%20k3y", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_SERVICE_NAME=auth",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test%2C1").serving(t)
	p.call("GET", configPath, "").wants(200)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	c.named(t, "getConfig", 1)
	if got := c.headers[0].Get("Api-Key"); got != "s3cr3t k3y" {
		t.Errorf("api-key: %q", got)
	}
	for _, want := range []string{`"auth"`, `"deployment.environment.name"`, `"test,1"`} {
		if !strings.Contains(c.resource, want) {
			t.Errorf("the resource lacks %s: %s", want, c.resource)
		}
	}
	if strings.Contains(p.log.String(), "s3cr3t") {
		t.Errorf("the log shows a header:\n%s", p.log)
	}
}

func TestTraces_offIsNothing(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	for name, row := range map[string]struct {
		settings []string
		runs     bool
	}{
		"not asked for":     {nil, false},
		"no exporter":       {append(c.settings(), "OTEL_TRACES_EXPORTER=none"), false},
		"disabled":          {append(c.settings(), "OTEL_SDK_DISABLED=true"), false},
		"asked for":         {c.settings(), true},
		"by its name alone": {[]string{"OTEL_TRACES_EXPORTER=otlp"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := served(t, testdb.New(t), append(row.settings, opsAnyPort, "LATCHKEY_OPS_PPROF=true")...).serving(t)
			p.call("GET", configPath, "").wants(200)
			_, goroutines := ask(t, p.opsAddr(), "/debug/pprof/goroutine?debug=2")
			_, metrics := ask(t, p.opsAddr(), "/metrics")
			for what, runs := range map[string]bool{
				"a goroutine": strings.Contains(goroutines, "go.opentelemetry.io"),
				"a metric":    strings.Contains(metrics, "latchkey_trace_spans_total"),
				"trace_id":    strings.Contains(p.log.String(), `"trace_id"`),
			} {
				if runs != row.runs {
					t.Errorf("%s: %v, want %v", what, runs, row.runs)
				}
			}
		})
	}
}

func TestTraces_wrongSettingsStopTheStart(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	wrong := []string{
		"OTEL_TRACES_EXPORTER=jaeger", "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://user:s3cr3t@collector",
		"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_HEADERS=s3cr3t", "OTEL_EXPORTER_OTLP_COMPRESSION=br", "OTEL_EXPORTER_OTLP_TIMEOUT=10s",
		"OTEL_EXPORTER_OTLP_CERTIFICATE=/nowhere.pem", "OTEL_EXPORTER_OTLP_CLIENT_KEY=/nowhere.pem", "OTEL_RESOURCE_ATTRIBUTES=x", "OTEL_TRACES_SAMPLER=some",
		"OTEL_TRACES_SAMPLER_ARG=2", "OTEL_PROPAGATORS=b3", "OTEL_BSP_MAX_QUEUE_SIZE=0",
	}
	says := []string{
		"OTEL_TRACES_EXPORTER: ", "OTEL_EXPORTER_OTLP_ENDPOINT: is not an address such as", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must have no user name",
		`OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not http/protobuf`, "OTEL_EXPORTER_OTLP_HEADERS: want name=value", "OTEL_EXPORTER_OTLP_COMPRESSION: ",
		"OTEL_EXPORTER_OTLP_TIMEOUT: want a whole number", "OTEL_EXPORTER_OTLP_CERTIFICATE: open /nowhere.pem", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: set it together",
		"OTEL_RESOURCE_ATTRIBUTES: ", "OTEL_TRACES_SAMPLER: ", "OTEL_TRACES_SAMPLER_ARG: ", "OTEL_PROPAGATORS: ", "OTEL_BSP_MAX_QUEUE_SIZE: ",
	}
	for _, r := range []result{examined(t, database, wrong...), served(t, database, wrong...).run(t)} {
		r.wants(2, says...)
		if strings.Contains(r.out+r.err, "s3cr3t") {
			t.Errorf("a secret is shown:\n%s%s", r.out, r.err)
		}
	}
	examined(t, database, "OTEL_EXPORTER_OTLP_ENDPOINT=https://collector.example.com", "OTEL_EXPORTER_OTLP_HEADERS=api-key=1").wants(0, "The settings are right.")
	examined(t, database, "OTEL_EXPORTER_OTLP_TRACES_INSECURE=true").wants(0, "OTEL_EXPORTER_OTLP_TRACES_INSECURE is not a setting of Latchkey")
}

// Behind a pooler a statement goes out together with its limits: the step has the statement's name.
func TestTraces_aStatementBehindAPoolerHasItsName(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	c := newCollector(t)
	p := served(t, pooler(t, url), append(c.settings(), "LATCHKEY_DATABASE_POOLER=transaction", "LATCHKEY_DATABASE_DIRECT_URL="+url)...).serving(t)
	p.call("POST", signupPath, credentials(ada, goodPassword)).wants(200)
	e := p.signIn(ada)
	for range 10 { // all connections know the statement by then
		p.call("GET", sessionPath, "", bearer(e.access)).wants(200)
	}

	last := c.named(t, "getSession", 10)
	last.children(t, "FindSession")
}
