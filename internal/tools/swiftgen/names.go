package main

import (
	"slices"
	"strings"
	"unicode"
)

var reserved = strings.Fields(`as associatedtype break case catch class continue default defer deinit do else enum
	extension fallthrough false fileprivate for func guard if import in init inout internal is let nil open operator
	precedencegroup private protocol public repeat rethrows return self static struct subscript super switch throw
	throws true try typealias var where while`)

// taken are names that a declaration of ours would shadow.
var taken = set(`Error Type Protocol Self Any AnyObject String Int Int32 Int64 Bool Double Float Data Date URL UUID Array
	Dictionary Set Optional Result Character Never Void Task Actor Sendable Hashable Equatable Codable Encodable
	Decodable Encoder Decoder CodingKey RawRepresentable Identifiable API Client ClientError HTTPRequest HTTPResponse
	Transport Middleware URLSessionTransport JSONValue Nullable Operations ClientAction ClientActions AnswerFacts TransportError ServerTrustPolicy`)

func set(words string) map[string]bool {
	names := map[string]bool{}
	for _, w := range strings.Fields(words) {
		names[w] = true
	}
	return names
}

// named returns the Swift name of what a $ref points at.
func named(ref string) string { return upper(ref[strings.LastIndexByte(ref, '/')+1:]) }

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func upper(s string) string {
	var b strings.Builder
	for _, w := range words(s) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// lower writes a leading abbreviation small as a whole: URLPath becomes urlPath.
func lower(s string) string {
	list := words(s)
	if len(list) == 0 {
		return "_"
	}
	first := []rune(list[0])
	for i := range first {
		if i > 0 && (i+1 < len(first) && unicode.IsLower(first[i+1]) || unicode.IsLower(first[i])) {
			break
		}
		first[i] = unicode.ToLower(first[i])
	}
	name := string(first) + upper(strings.Join(list[1:], " "))
	switch {
	case slices.Contains(reserved, name):
		return "`" + name + "`"
	case unicode.IsDigit(first[0]):
		return "_" + name
	default:
		return name
	}
}

// comment returns text as lines of a DocC comment.
func comment(indent int, text string) string {
	pad := strings.Repeat(" ", indent) + "///"
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		b.WriteString(strings.TrimRight(pad+" "+line, " ") + "\n")
	}
	return b.String()
}

// interpolate turns /users/{id} into a Swift string literal.
func interpolate(path string) string {
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			return `"` + path + `"`
		}
		name, after, _ := strings.Cut(rest, "}")
		path = before + `\(percentEncoded(input.` + lower(name) + `))` + after
	}
}
