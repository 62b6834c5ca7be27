package goclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// testdata has the recorded answers.
const testdata = "../../../clients/testdata"

// recorded is a server that gives the same answer to every call.
type recorded struct {
	status int
	body   []byte
}

func (r recorded) RoundTrip(request *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: r.status, Status: strconv.Itoa(r.status), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(r.body)), Request: request,
	}, nil
}

// call makes the generated client's call of that operation, with empty arguments, and
// returns what it made of the answer.
func call(t *testing.T, operation string, r recorded) reflect.Value {
	t.Helper()
	client, err := latchkey.NewClientWithResponses("http://latchkey.invalid", latchkey.WithHTTPClient(&http.Client{Transport: r}))
	if err != nil {
		t.Fatal(err)
	}
	value := reflect.ValueOf(client)
	for n := range value.NumMethod() {
		if !strings.EqualFold(value.Type().Method(n).Name, operation+"WithResponse") {
			continue
		}
		method := value.Method(n)
		in := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < method.Type().NumIn()-1; i++ { // the last is variadic
			if argument := method.Type().In(i); argument.Kind() == reflect.Pointer {
				in = append(in, reflect.New(argument.Elem()))
			} else {
				in = append(in, reflect.Zero(argument))
			}
		}
		out := method.Call(in)
		if err, _ := out[1].Interface().(error); err != nil {
			t.Fatal(err)
		}
		return out[0].Elem()
	}
	t.Fatalf("the client has no operation %s", operation)
	return reflect.Value{}
}

func TestTestdata_theGoClientDecodesEveryAnswer(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(testdata, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, path := range files {
		file := filepath.Base(path)
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			name := strings.Split(file, ".")
			if len(name) != 3 {
				t.Fatal("want <operationId>.<status>.json")
			}
			status, err := strconv.Atoi(name[1])
			if err != nil {
				t.Fatal(err)
			}
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			member := call(t, name[0], recorded{status, body}).FieldByName("JSON" + name[1])
			if !member.IsValid() || member.IsNil() {
				t.Fatalf("JSON%s was not filled", name[1])
			}
			again, err := json.Marshal(member.Interface())
			if err != nil {
				t.Fatal(err)
			}
			for _, lost := range missing("", value(t, body), value(t, again)) {
				t.Errorf("lost or changed: %s", lost)
			}
		})
	}
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// missing lists what stands in want and not in got. Members that are empty may be absent:
// the generated types leave them out.
func missing(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		var list []string
		object, _ := got.(map[string]any)
		for name, member := range want {
			list = append(list, missing(at+"."+name, member, object[name])...)
		}
		return list
	case []any:
		entries, _ := got.([]any)
		if len(entries) != len(want) {
			return []string{fmt.Sprintf("%s: %d of %d entries", at, len(entries), len(want))}
		}
		var list []string
		for n, entry := range want {
			list = append(list, missing(fmt.Sprintf("%s[%d]", at, n), entry, entries[n])...)
		}
		return list
	}
	empty := want == nil || want == false || want == "" || want == json.Number("0")
	if want != got && (!empty || got != nil) {
		return []string{fmt.Sprintf("%s: %v became %v", at, want, got)}
	}
	return nil
}

func TestMissing_seesWhatADecoderLoses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		lost      int
	}{
		{`{"a":1,"b":{"c":[true,"x"]}}`, `{"a":1,"b":{"c":[true,"x"]},"more":1}`, 0},
		{`{"a":false,"b":"","c":null,"d":0,"e":[]}`, `{}`, 0},
		{`{"a":1}`, `{}`, 1},
		{`{"a":1}`, `{"a":2}`, 1},
		{`{"a":false}`, `{"a":true}`, 1},
		{`{"a":{"b":1}}`, `{"a":{}}`, 1},
		{`{"a":[1,2]}`, `{"a":[1]}`, 1},
		{`{"a":[1,2]}`, `{"a":[2,1]}`, 2},
		{`{"a":1}`, `{"a":"1"}`, 1},
	} {
		if lost := missing("", value(t, []byte(c.want)), value(t, []byte(c.got))); len(lost) != c.lost {
			t.Errorf("%s as %s: %q, want %d", c.want, c.got, lost, c.lost)
		}
	}
}
