package limit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rate is n requests in a period, counted for one subject.
type rate struct {
	n      int
	period time.Duration
	per    string // one of the subjects in action.go
}

func (r rate) String() string { return fmt.Sprintf("%d/%v/%s", r.n, r.period, r.per) }

var notation = regexp.MustCompile(`^(\d{1,6})/(\d{0,4})(s|m|h|d|sec|min|hour|day)/([a-z]+)$`)

// parse reads the rates of an action, such as "10/m/ip,5/5m/key". It refuses a rate of a
// subject that the action does not count, which would count nothing, and two rates that are
// equal, which would count one request twice in the same row.
func (a Action) parse(text string) ([]rate, error) {
	var rates []rate
	for _, part := range strings.Split(text, ",") {
		r, err := parseRate(strings.TrimSpace(part))
		switch {
		case err != nil:
			return nil, err
		case !a.counts(r.per):
			return nil, fmt.Errorf("%q: %q is not counted here; allowed: %s", part, r.per, a.allowed())
		case slices.Contains(rates, r):
			return nil, fmt.Errorf("%q is there twice", part)
		}

		rates = append(rates, r)
	}

	return rates, nil
}

func parseRate(text string) (rate, error) {
	m := notation.FindStringSubmatch(text)
	if m == nil {
		return rate{}, fmt.Errorf("%q is not of the form 5/10m/key", text)
	}

	n, _ := strconv.Atoi(m[1])

	times := 1
	if m[2] != "" {
		times, _ = strconv.Atoi(m[2])
	}

	if n < 1 || times < 1 {
		return rate{}, fmt.Errorf("%q allows nothing", text)
	}

	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}

	return rate{n: n, period: time.Duration(times) * units[m[3][0]], per: m[4]}, nil
}

// rules is the rates of each action that has any; nil where limits are off.
func (s Settings) rules(byCode bool) (map[string][]rate, error) {
	if strings.EqualFold(s.Rates, "false") {
		return nil, nil
	}

	texts := map[string]string{}
	for name, action := range declared {
		texts[name] = action.rates
	}

	if byCode {
		texts[ConfirmEmail.name] = confirmByCode
	}

	changes, err := s.changes()
	if err != nil {
		return nil, err
	}

	for name, text := range changes {
		texts[name] = text
	}

	rules := map[string][]rate{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if texts[name] == "" { // switched off
			continue
		}

		rates, err := declared[name].parse(texts[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}

		rules[name] = rates
	}

	return rules, nil
}

// changes is what the setting says about single actions: their rates, or "" for none.
func (s Settings) changes() (map[string]string, error) {
	changes := map[string]string{}
	if s.Rates == "" || strings.EqualFold(s.Rates, "true") || strings.EqualFold(s.Rates, "false") {
		return changes, nil
	}

	var given map[string]any
	if err := json.Unmarshal([]byte(s.Rates), &given); err != nil {
		return nil, errors.New("want true, false, or a JSON object")
	}

	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, known := declared[name]; !known {
			if _, ignored := uncounted[name]; ignored {
				continue
			}

			return nil, fmt.Errorf("%q is not an action; allowed: %s", name, strings.Join(names(), ", "))
		}

		switch v := given[name].(type) {
		case string:
			if strings.TrimSpace(v) == "" {
				return nil, fmt.Errorf("%s: want rates, or false", name)
			}

			changes[name] = v
		case bool, nil:
			if v == true {
				return nil, fmt.Errorf("%s: want rates, or false", name)
			}

			changes[name] = ""
		default:
			return nil, fmt.Errorf("%s: want rates, or false", name)
		}
	}

	return changes, nil
}
