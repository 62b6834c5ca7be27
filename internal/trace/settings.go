package trace

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// Settings of traces: the standard names of OpenTelemetry.
type Settings struct {
	Exporter   string `env:"OTEL_TRACES_EXPORTER" doc:"otlp or none. Default: otlp where an endpoint is set, otherwise none."`
	IsDisabled bool   `env:"OTEL_SDK_DISABLED" default:"false" doc:"Send no traces, whatever the other settings say."`

	Endpoint       string   `env:"OTEL_EXPORTER_OTLP_ENDPOINT" doc:"Address of an OpenTelemetry collector, such as http://127.0.0.1:4318. Traces go to /v1/traces below it. Default: http://localhost:4318 where OTEL_TRACES_EXPORTER is otlp."`
	TracesEndpoint string   `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" doc:"Address to which traces go as it is, instead of one below OTEL_EXPORTER_OTLP_ENDPOINT."`
	Protocol       string   `env:"OTEL_EXPORTER_OTLP_PROTOCOL" default:"http/protobuf" doc:"http/protobuf; there is no other."`
	Headers        string   `env:"OTEL_EXPORTER_OTLP_HEADERS" secret:"true" doc:"Headers of each request to the collector: name=value, comma-separated, values percent-encoded."`
	Compression    string   `env:"OTEL_EXPORTER_OTLP_COMPRESSION" default:"none" doc:"none or gzip."`
	Timeout        int      `env:"OTEL_EXPORTER_OTLP_TIMEOUT" default:"10000" min:"1" max:"60000" doc:"Milliseconds that a request to the collector may take."`
	CA             string   `env:"OTEL_EXPORTER_OTLP_CERTIFICATE" doc:"PEM file with the certificates that sign the collector's. Default: those of the system."`
	Certificate    string   `env:"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" doc:"PEM file with the certificate that this server shows to the collector."`
	Key            string   `env:"OTEL_EXPORTER_OTLP_CLIENT_KEY" doc:"PEM file with the key of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE."`
	Service        string   `env:"OTEL_SERVICE_NAME" default:"latchkey" doc:"Name of the service in traces."`
	Resource       string   `env:"OTEL_RESOURCE_ATTRIBUTES" doc:"More attributes of the service: name=value, comma-separated, values percent-encoded, such as deployment.environment.name=production."`
	Sampler        string   `env:"OTEL_TRACES_SAMPLER" default:"parentbased_always_on" doc:"Which requests are traced: always_on, always_off, traceidratio, or parentbased_ before one of these, which follows the traceparent of a trusted proxy."`
	SamplerArg     string   `env:"OTEL_TRACES_SAMPLER_ARG" doc:"Share of requests that traceidratio traces, from 0 to 1. Default: 1."`
	Propagators    []string `env:"OTEL_PROPAGATORS" default:"tracecontext,baggage" doc:"With tracecontext, a request that comes from LATCHKEY_TRUSTED_PROXIES continues the trace of its traceparent header. The proxy must replace or remove what clients send in it. none: each request begins a trace. baggage is ignored."`
	Queue          int      `env:"OTEL_BSP_MAX_QUEUE_SIZE" default:"2048" min:"1" max:"100000" doc:"Maximum number of spans that wait for the collector; further ones are dropped and counted."`
	Batch          int      `env:"OTEL_BSP_MAX_EXPORT_BATCH_SIZE" default:"512" min:"1" max:"100000" doc:"Most spans in one request to the collector."`
	Delay          int      `env:"OTEL_BSP_SCHEDULE_DELAY" default:"5000" min:"1" max:"60000" doc:"Milliseconds between two requests to the collector."`
	ExportTimeout  int      `env:"OTEL_BSP_EXPORT_TIMEOUT" default:"30000" min:"1" max:"60000" doc:"Milliseconds after which spans that the collector did not take are given up."`
}

// IsOn reports whether the settings ask for traces.
func (s Settings) IsOn() bool {
	if s.IsDisabled || s.Exporter == "none" {
		return false
	}

	return s.Exporter == "otlp" || s.Endpoint != "" || s.TracesEndpoint != ""
}

// Check returns what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error
	refuse := func(name string, err error) {
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
	}

	refuse("OTEL_TRACES_EXPORTER", oneOf(s.Exporter, "", "otlp", "none"))
	refuse("OTEL_EXPORTER_OTLP_ENDPOINT", checkEndpoint(s.Endpoint))
	refuse("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", checkEndpoint(s.TracesEndpoint))
	refuse("OTEL_EXPORTER_OTLP_PROTOCOL", oneOf(s.Protocol, "http/protobuf"))
	refuse("OTEL_EXPORTER_OTLP_COMPRESSION", oneOf(s.Compression, "none", "gzip"))
	refuse("OTEL_TRACES_SAMPLER_ARG", checkShare(s.SamplerArg))

	_, err := parsePairs(s.Headers)
	refuse("OTEL_EXPORTER_OTLP_HEADERS", err)
	_, err = parsePairs(s.Resource)
	refuse("OTEL_RESOURCE_ATTRIBUTES", err)
	_, err = s.sampler()
	refuse("OTEL_TRACES_SAMPLER", err)
	_, mistakes := s.tls()
	wrong = append(wrong, mistakes...)

	for _, name := range s.Propagators {
		refuse("OTEL_PROPAGATORS", oneOf(name, "tracecontext", "baggage", "none"))
	}

	if s.Service == "" {
		wrong = append(wrong, errors.New("OTEL_SERVICE_NAME: must not be empty"))
	}

	return wrong
}

// PlainHost is the collector's host, where the settings send secret headers to it unencrypted over a
// network; otherwise empty.
func (s Settings) PlainHost() string {
	address, err := url.Parse(s.address())
	if err != nil || !s.IsOn() || s.Headers == "" || address.Scheme == "https" || loopback.Is(address.Hostname()) {
		return ""
	}

	return address.Hostname()
}

// address is where traces go.
func (s Settings) address() string {
	if s.TracesEndpoint != "" {
		return s.TracesEndpoint
	}

	endpoint := s.Endpoint
	if endpoint == "" {
		endpoint = "http://localhost:4318"
	}

	return strings.TrimSuffix(endpoint, "/") + "/v1/traces"
}

// continuesTraces reports whether the traceparent header of trusted proxies counts.
func (s Settings) continuesTraces() bool {
	return slices.Contains(s.Propagators, "tracecontext") && !slices.Contains(s.Propagators, "none")
}

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}

	list := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })

	return fmt.Errorf("%q is not %s", value, strings.Join(list, " or "))
}

// checkEndpoint refuses what is not an address. Secrets belong into headers: an address is in the log.
func checkEndpoint(text string) error {
	if text == "" {
		return nil
	}

	address, err := url.Parse(text)
	if err != nil || address.Hostname() == "" || address.Scheme != "http" && address.Scheme != "https" {
		return errors.New("is not an address such as http://127.0.0.1:4318")
	}

	if address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return errors.New("must have no user name, password, query or fragment: secrets go into OTEL_EXPORTER_OTLP_HEADERS")
	}

	if strings.Contains(address.Host, ":") {
		if _, port, err := net.SplitHostPort(address.Host); err == nil && port == "" {
			return errors.New("names no port after its colon")
		}
	}

	return nil
}

// checkShare refuses what is not a number from 0 to 1.
func checkShare(text string) error {
	share, err := strconv.ParseFloat(text, 64)

	isShare := err == nil && share >= 0 && share <= 1
	if text == "" || isShare {
		return nil
	}

	return fmt.Errorf("%q is not a number from 0 to 1", text)
}

// parsePairs reads name=value, comma-separated, with percent-encoded values. Its errors never show a
// value: it may be secret.
func parsePairs(text string) (map[string]string, error) {
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}

		name, value, found := strings.Cut(pair, "=")

		name = strings.TrimSpace(name)
		if !found || !isToken(name) {
			return nil, errors.New("want name=value, comma-separated")
		}

		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil || strings.ContainsAny(decoded, "\r\n\x00") {
			return nil, fmt.Errorf("the value of %s is not percent-encoded text of one line", name)
		}

		pairs[name] = decoded
	}

	return pairs, nil
}

// isToken reports whether a text may be the name of a header.
func isToken(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~"

	return name != "" && strings.Trim(name, letters) == ""
}
