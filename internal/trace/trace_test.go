package trace

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Every request runs through these calls, whether or not the settings ask for traces.
func TestStart_costsNothingWithoutATrace(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, 1)
	allocations := testing.AllocsPerRun(100, func() {
		inner, span := Start(ctx, "step")
		_, call := StartCall(inner, "call")
		EndStatement(StartStatement(inner, "FindUser"), "23505")
		call.Fail("code")
		call.End()
		span.End()
		span.EndRequest(Answer{Operation: "login", Status: 200})
		if Parent(inner) != "" || inner != ctx {
			t.Error("there is a trace")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}

func TestNew_isNothingUnlessAskedFor(t *testing.T) {
	p, wrong := New(t.Context(), Settings{}, "1", slog.New(slog.DiscardHandler), time.Now)
	if p != nil || wrong != nil {
		t.Error(p, wrong)
	}
	p.Close(t.Context())
	if _, span := p.StartJob(t.Context(), "job", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); span != (Span{}) {
		t.Error("a job is traced")
	}
}

// stuck is an exporter that does not return before it is told to.
type stuck struct {
	sdk.SpanExporter

	release chan struct{}
}

func (s stuck) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	<-s.release

	return nil
}

func (s stuck) Shutdown(context.Context) error { return nil }

// No span is lost without being counted, and no request waits.
func TestQueue_countsWhatItDrops(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(1_800_000_000, 0)
	exporter := stuck{release: make(chan struct{})}
	q := newQueue(Settings{Queue: 10, Batch: 4, Delay: 1, ExportTimeout: 30000}, exporter,
		&reports{log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }})
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(q))

	end := func(n int) {
		for range n {
			_, span := provider.Tracer(scope).Start(t.Context(), "step")
			span.End()
		}
	}
	lines := func() int { return bytes.Count(log.Bytes(), []byte("spans are dropped")) }

	end(25)
	if f := q.figures(); f.Dropped != 15 || lines() != 1 {
		t.Errorf("%+v, %d lines; want 15 dropped and one line", f, lines())
	}
	now = now.Add(reportEvery)
	end(2)
	if f := q.figures(); f.Dropped != 17 || lines() != 2 {
		t.Errorf("%+v, %d lines; want 17 dropped and two lines", f, lines())
	}

	close(exporter.release)
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := q.figures(); f.Exported != 10 || f.Failed != 0 || q.waiting.Load() != 0 {
		t.Errorf("%+v, %d waiting; want 10 exported", f, q.waiting.Load())
	}
}

func TestParsePairs_readsHeadersAndShowsNoValue(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a=1": "1", " a = x%20y ": "x y", "b=2,a=3": "3", "a=b=c": "b=c", ",a=1,": "1",
	} {
		pairs, err := parsePairs(text)
		if err != nil || pairs["a"] != want {
			t.Errorf("%q: %v, %v", text, pairs, err)
		}
	}
	for _, text := range []string{"hidden", "=hidden", "a=%zzhidden", "a=hidden%0d%0ab", "a b=hidden"} {
		if _, err := parsePairs(text); err == nil || bytes.Contains([]byte(err.Error()), []byte("hidden")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
