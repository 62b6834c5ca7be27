package trace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	api "go.opentelemetry.io/otel/trace"
)

// Provider begins traces and sends them. A nil Provider begins none.
type Provider struct {
	provider  *sdk.TracerProvider
	tracer    api.Tracer
	exporter  *otlptrace.Exporter
	transport *http.Transport // of the exporter
	queue     *queue
	continues bool
}

// New makes a provider, or nil where the settings ask for none. It reads the files that the settings
// name, and does not connect. Its errors are mistakes in the settings.
func New(ctx context.Context, s Settings, version string, log *slog.Logger, now func() time.Time) (*Provider, []error) {
	if !s.IsOn() {
		return nil, nil
	}

	trust, wrong := s.tls()

	sampler, err := s.sampler()
	if err != nil || len(wrong) > 0 {
		return nil, wrong // Check has said the rest
	}

	reports := &reports{log: log, now: now}
	transport := newTransport(trust)

	exporter, err := newExporter(ctx, s, watched{transport, reports})
	if err != nil {
		return nil, []error{fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)}
	}

	quietLibrary(reports)
	q := newQueue(s, exporter, reports)
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(linked{sampler}), sdk.WithResource(s.resource(version)), sdk.WithSpanProcessor(q),
	)

	return &Provider{
		provider: provider, tracer: provider.Tracer(scope), exporter: exporter, transport: transport, queue: q,
		continues: s.continuesTraces(),
	}, nil
}

// newExporter makes what sends spans. It follows no redirect: its headers are for the collector alone.
func newExporter(ctx context.Context, s Settings, transport http.RoundTripper) (*otlptrace.Exporter, error) {
	headers, err := parsePairs(s.Headers)
	if err != nil {
		return nil, err
	}

	compression := otlptracehttp.NoCompression
	if s.Compression == "gzip" {
		compression = otlptracehttp.GzipCompression
	}

	return otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(s.address()), otlptracehttp.WithHeaders(headers), otlptracehttp.WithCompression(compression),
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport: transport, Timeout: time.Duration(s.Timeout) * time.Millisecond,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	)
}

// newTransport makes the connections to the collector.
func newTransport(trust *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, TLSClientConfig: trust,
	}
}

// quietLibrary sends what the library has to say to our log: by itself it writes to standard error, as
// often as it likes.
func quietLibrary(r *reports) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { r.note("the collector or the library reports an error") }))
	otel.SetLogger(logr.Discard())
}

// resource describes this server.
func (s Settings) resource(version string) *resource.Resource {
	more, _ := parsePairs(s.Resource) // Check has read it

	attributes := make([]attribute.KeyValue, 0, len(more)+3)
	for name, value := range more {
		attributes = append(attributes, attribute.String(name, value))
	}

	if host, err := os.Hostname(); err == nil {
		attributes = append(attributes, semconv.HostName(host))
	}

	attributes = append(attributes, semconv.ServiceName(s.Service), semconv.ServiceVersion(version))

	return resource.NewWithAttributes(semconv.SchemaURL, attributes...)
}

// sampler decides which requests are traced.
func (s Settings) sampler() (sdk.Sampler, error) {
	share := 1.0
	if s.SamplerArg != "" {
		share, _ = strconv.ParseFloat(s.SamplerArg, 64) // checkShare has read it
	}

	name, isParentBased := strings.CutPrefix(s.Sampler, "parentbased_")

	var root sdk.Sampler
	switch name {
	case "always_on":
		root = sdk.AlwaysSample()
	case "always_off":
		root = sdk.NeverSample()
	case "traceidratio":
		root = sdk.TraceIDRatioBased(share)
	default:
		return nil, fmt.Errorf("%q is not always_on, always_off or traceidratio, or one of these after parentbased_", s.Sampler)
	}

	if isParentBased {
		return sdk.ParentBased(root), nil
	}

	return root, nil
}

// linked traces a job whose request was traced, and leaves everything else to the sampler of the settings.
type linked struct{ sdk.Sampler }

// ShouldSample is called when a span begins.
func (l linked) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	for _, link := range p.Links {
		if link.SpanContext.IsSampled() {
			return sdk.SamplingResult{Decision: sdk.RecordAndSample}
		}
	}

	return l.Sampler.ShouldSample(p)
}

// tls is how to trust the collector; nil where the settings say nothing of it.
func (s Settings) tls() (*tls.Config, []error) {
	if s.CA == "" && s.Certificate == "" && s.Key == "" {
		return nil, nil
	}

	var wrong []error

	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CA != "" {
		text, err := os.ReadFile(s.CA)

		trust.RootCAs = x509.NewCertPool()
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err))
		case !trust.RootCAs.AppendCertsFromPEM(text):
			wrong = append(wrong, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s has no certificate in PEM form", s.CA))
		}
	}

	if (s.Certificate == "") != (s.Key == "") {
		return trust, append(wrong, errors.New("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: set it together with OTEL_EXPORTER_OTLP_CLIENT_KEY, or neither"))
	}

	if s.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w", err))
		}

		trust.Certificates = []tls.Certificate{pair}
	}

	return trust, wrong
}

// propagator reads traceparent, and writes it into jobs. tracestate is left out: anybody can fill it.
var propagator = propagation.TraceContext{}

// StartRequest begins the step of a request. traceparent is the header of a proxy that is trusted, or
// empty.
//
// Security: the header decides whether a request is recorded, and to which trace it belongs. A client
// that sets it can fill the collector and join traces of others (TestTraces_onlyAProxyNamesTheParent).
func (p *Provider) StartRequest(ctx context.Context, traceparent string) (context.Context, Span) {
	if p.continues && traceparent != "" {
		ctx = propagator.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	}

	ctx, span := p.tracer.Start(ctx, "request", api.WithSpanKind(api.SpanKindServer))

	return ctx, Span{span}
}

// Parent is the traceparent of the step that ctx belongs to; empty where that is not recorded.
func Parent(ctx context.Context) string {
	if !api.SpanFromContext(ctx).IsRecording() {
		return ""
	}

	carrier := propagation.MapCarrier{}
	propagator.Inject(ctx, carrier)

	return carrier["traceparent"]
}

// StartJob begins a trace for work that a request left for later, with a link to that request: parent is
// its Parent. Without one nothing is recorded.
func (p *Provider) StartJob(ctx context.Context, name, parent string) (context.Context, Span) {
	if p == nil || parent == "" {
		return ctx, Span{}
	}

	cause := api.LinkFromContext(propagator.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent}))
	ctx, span := p.tracer.Start(ctx, name, api.WithSpanKind(api.SpanKindConsumer), api.WithNewRoot(), api.WithLinks(cause))

	return ctx, Span{span}
}

// Figures are the spans since the start, by what became of them.
func (p *Provider) Figures() Figures { return p.queue.figures() }

// Close sends what waits, and gives up when ctx ends.
func (p *Provider) Close(ctx context.Context) {
	if p == nil {
		return
	}

	if err := p.provider.Shutdown(ctx); err != nil {
		_ = p.exporter.Shutdown(ctx) // ends the request that runs
	}

	p.queue.giveUp()
	p.transport.CloseIdleConnections()
}
