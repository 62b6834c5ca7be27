// Package trace owns traces: which spans there are, what is in them, and how they reach an
// OpenTelemetry collector. Nothing of it runs unless the settings ask for traces.
//
// Security: attributes come from lists in the program (operations, routes, names of statements, codes).
// No value of a request, no argument of a statement and no address is in a span
// (TestTraces_holdNoSecretAndNoAddress).
package trace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	api "go.opentelemetry.io/otel/trace"
)

// scope is the name of what makes the spans.
const scope = "github.com/latchkey-auth/latchkey"

// Span is one step of a trace. The zero Span records nothing.
type Span struct{ span api.Span }

// Start begins a step of the trace that ctx belongs to. Where that is not recorded, Start returns ctx
// and the zero Span, and allocates nothing.
func Start(ctx context.Context, name string) (context.Context, Span) {
	return start(ctx, name, api.SpanKindInternal)
}

// StartCall is Start for a call of another service.
func StartCall(ctx context.Context, name string) (context.Context, Span) {
	return start(ctx, name, api.SpanKindClient)
}

// StartStatement is Start for a statement of SQL, by the name that it has in queries/.
func StartStatement(ctx context.Context, name string) context.Context {
	if !api.SpanFromContext(ctx).IsRecording() {
		return ctx
	}

	ctx, _ = start(ctx, name, api.SpanKindClient, semconv.DBSystemNamePostgreSQL, semconv.DBQuerySummary(name))

	return ctx
}

// EndStatement ends the span that StartStatement began. sqlstate is the code of its error, "failed" for an
// error without one, and empty where there was none.
func EndStatement(ctx context.Context, sqlstate string) {
	span := api.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}

	if sqlstate != "" {
		span.SetAttributes(semconv.DBResponseStatusCode(sqlstate))
		fail(span, sqlstate)
	}

	span.End()
}

func start(ctx context.Context, name string, kind api.SpanKind, attributes ...attribute.KeyValue) (context.Context, Span) {
	parent := api.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}

	tracer := parent.TracerProvider().Tracer(scope)
	ctx, span := tracer.Start(ctx, name, api.WithSpanKind(kind), api.WithAttributes(attributes...))

	return ctx, Span{span}
}

// End ends the step.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}

// Fail notes that the step failed. code is from a list in the program; empty for no failure.
func (s Span) Fail(code string) {
	if s.span != nil && code != "" {
		fail(s.span, code)
	}
}

func fail(span api.Span, code string) {
	span.SetStatus(codes.Error, code)
	span.SetAttributes(semconv.ErrorTypeKey.String(code))
}

// Answer is what a request came to.
type Answer struct {
	Operation string // an operationId, or empty for a path that is none of ours
	Method    string
	Route     string // the path of the specification; empty for none
	Status    int
	Code      string // of the first error; empty for none
}

// EndRequest ends the step of a request.
func (s Span) EndRequest(a Answer) {
	if s.span == nil {
		return
	}

	name := a.Operation
	if name == "" {
		name = a.Method
	}

	s.span.SetName(name)
	s.span.SetAttributes(semconv.HTTPRequestMethodKey.String(a.Method), semconv.HTTPResponseStatusCode(a.Status))

	if a.Route != "" {
		s.span.SetAttributes(semconv.HTTPRoute(a.Route))
	}

	if a.Code != "" {
		s.span.SetAttributes(attribute.String("latchkey.code", a.Code))
	}

	if a.Status >= 500 {
		fail(s.span, a.Code)
	}

	s.span.End()
}
