// Command tour follows the tour that `latchkey dev` prints, from outside and without curl: it reads
// the printed lines from standard input, sends their requests, and fails where an answer does not
// have the status that the tour promises. It prints one line for each request.
//
//	tour < what-latchkey-dev-printed
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

// wanted are the statuses of the tour's requests, in their order.
var wanted = []int{200, 200, 200, 200, 200, 200, 401, 401}

func main() {
	free := flag.Bool("free", false, "print an address on this machine that nobody listens on, and end")
	answers := flag.String("answers", "", "end with 0 when this URL answers 200, and with 1 otherwise")
	flag.Parse()

	switch {
	case *free:
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Fprintln(os.Stderr, "tour:", err)
			os.Exit(1)
		}

		_, _ = fmt.Fprintln(os.Stdout, listener.Addr())
		_ = listener.Close()

		return
	case *answers != "":
		if !isAnswering(*answers) {
			os.Exit(1)
		}

		return
	}

	if err := follow(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

func isAnswering(url string) bool {
	client := &http.Client{Timeout: 2 * time.Second}

	response, err := client.Get(url)
	if err != nil {
		return false
	}

	_ = response.Body.Close()

	return response.StatusCode == http.StatusOK
}

// variables are those of the tour's lines.
type variables map[string]string

var (
	assignment = regexp.MustCompile(`^([A-Z]+)='?([^'$()]*)'?$`)
	reference  = regexp.MustCompile(`\$(\(date \+%s\)|[A-Z]+)`)
	token      = regexp.MustCompile(`^([A-Z]+)=\$\(echo "\$ANSWER" \| sed 's/\.\*"([a-z_]+)"`)
)

func follow(ctx context.Context, lines io.Reader, out io.Writer) error {
	known := variables{}
	answer := []byte{}
	sent := 0

	for scan := bufio.NewScanner(lines); scan.Scan(); {
		line, indented := strings.CutPrefix(scan.Text(), "  ")
		if !indented {
			continue
		}

		if m := token.FindStringSubmatch(line); m != nil {
			value, err := member(answer, m[2])
			if err != nil {
				return err
			}

			known[m[1]] = value
		} else if m := assignment.FindStringSubmatch(line); m != nil {
			known[m[1]] = m[2]
		} else if strings.Contains(line, "curl ") {
			if sent == len(wanted) {
				return fmt.Errorf("the tour has more than %d requests", len(wanted))
			}

			var err error
			if answer, err = send(ctx, known.expand(line), wanted[sent], out); err != nil {
				return err
			}

			sent++
		}
	}

	if sent != len(wanted) {
		return fmt.Errorf("the tour has %d requests, want %d", sent, len(wanted))
	}

	return nil
}

// expand puts values in place of the variables of a line.
func (v variables) expand(line string) string {
	return reference.ReplaceAllStringFunc(line, func(name string) string {
		if name == "$(date +%s)" {
			return fmt.Sprint(time.Now().UnixNano()) // two tours of one database may begin in the same second
		}

		return v[name[1:]]
	})
}

// member finds a string in an answer, however deep.
func member(answer []byte, name string) (string, error) {
	m := regexp.MustCompile(`"` + name + `":"([^"]+)"`).FindSubmatch(answer)
	if m == nil {
		return "", fmt.Errorf("the answer has no %s", name)
	}

	return string(m[1]), nil
}

// words splits a line as a shell does: pieces in quotes that touch are one word.
func words(line string) []string {
	var found []string
	var current strings.Builder
	var quote rune

	for _, c := range line + " " {
		switch {
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && c == ' ':
			if current.Len() > 0 {
				found = append(found, current.String())
				current.Reset()
			}
		default:
			current.WriteRune(c)
		}
	}

	return found
}

// parse makes a request of a curl line: curl -s [-X METHOD] URL [-H HEADER] [-d BODY].
func parse(ctx context.Context, line string) (*http.Request, error) {
	_, line, _ = strings.Cut(line, "curl -s ")
	line, _, _ = strings.Cut(line, "; echo")
	line = strings.TrimSuffix(line, ")")

	method, body, address := http.MethodGet, "", ""
	header := http.Header{}
	option := ""

	for _, w := range words(line) {
		switch option {
		case "-X":
			method = w
		case "-H":
			name, value, _ := strings.Cut(w, ": ")
			header.Set(name, value)
		case "-d":
			body = w
		default:
			if !strings.HasPrefix(w, "-") {
				address = w
			}
		}

		if option == "" && strings.HasPrefix(w, "-") {
			option = w
		} else {
			option = ""
		}
	}

	if body != "" && method == http.MethodGet {
		method = http.MethodPost
	}

	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}

	request.Header = header

	return request, nil
}

func send(ctx context.Context, line string, want int, out io.Writer) ([]byte, error) {
	request, err := parse(ctx, line)
	if err != nil {
		return nil, err
	}

	client := &http.Client{Timeout: 10 * time.Second}

	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()

	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}

	_, _ = fmt.Fprintf(out, "  %d %s %s\n", response.StatusCode, request.Method, request.URL.Path)

	if response.StatusCode != want {
		return nil, fmt.Errorf("%s %s answers %d, want %d: %s", request.Method, request.URL.Path, response.StatusCode, want, answer)
	}

	if !json.Valid(bytes.TrimSpace(answer)) {
		return nil, errors.New("the answer is not JSON: " + string(answer))
	}

	return answer, nil
}
