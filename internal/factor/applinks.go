package factor

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// LinkPattern says which links open an iOS app, or which do not (a component of applinks).
type LinkPattern struct {
	Path     string            `json:"/"`
	Fragment string            `json:"#,omitempty"`
	Query    map[string]string `json:"?,omitempty"`
	Exclude  bool              `json:"exclude,omitempty"`
}

const (
	keyPlace = "{key}"
	anyKey   = "*"
)

// LinkPatterns are the patterns of the pages that are on one of these hosts, in the order of
// their names. {key} is any text.
func LinkPatterns(pages map[string]string, hosts map[string]bool) []LinkPattern {
	var list []LinkPattern
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		u, err := url.Parse(strings.ReplaceAll(pages[name], keyPlace, anyKey))
		if err != nil || u.Scheme != "https" || !hosts[strings.ToLower(strings.TrimSuffix(u.Host, ":443"))] {
			continue
		}

		pattern := LinkPattern{Path: u.EscapedPath(), Fragment: u.EscapedFragment(), Query: queryPattern(u)}
		if pattern.Path == "" {
			pattern.Path = "/"
		}

		list = append(list, pattern)
	}

	return list
}

func queryPattern(u *url.URL) map[string]string {
	if u.RawQuery == "" {
		return nil
	}

	pattern := map[string]string{}
	for name, values := range u.Query() {
		pattern[name] = values[0]
	}

	return pattern
}
