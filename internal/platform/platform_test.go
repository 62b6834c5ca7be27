package platform

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestOf_knowsThePlatformsOfTheList(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ what, userAgent, want string }{
		{"Safari on an iPhone", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", IPhone},
		{"an app by URLSession", "ExampleApp/1.0 CFNetwork/1410.0.3 Darwin/22.6.0", IPhone},
		{"an app that names iOS", "ExampleApp/3.2 (iOS 17.5; build 12)", IPhone},
		{"Safari on an iPad", "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1", IPad},
		{"Chrome on Android", "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36", Android},
		{"an app by OkHttp", "okhttp/4.12.0", Android},
		{"an app by HttpURLConnection", "Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B Build/TP1A.220624.014)", Android},
		{"Safari on a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", Mac},
		{"Chrome on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", Windows},
		{"Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", Linux},
		{"Chrome OS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", Linux},
		{"a browser of another platform", "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15", Browser},
		{"curl", "curl/8.5.0", Unknown},
		{"Go", "Go-http-client/1.1", Unknown},
		{"nothing", "", Unknown},
		{"a letter", "Your mailbox was broken into. Secure it now: https://evil.example/login", Unknown},
		{"a letter that names a platform", "Your iPhone was stolen: https://evil.example/login", IPhone},
		{"another alphabet", "аndrоid \u202eiphone\u0000", IPhone},
		{"no UTF-8", "\xff\xfeAndroid\xff", Android},
		{"a long header", strings.Repeat("x", 100_000), Unknown},
	} {
		if got := Of(row.userAgent); got != row.want {
			t.Errorf("%s: %q, want %q", row.what, got, row.want)
		}
	}
}

func FuzzOf_namesNothingButTheList(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64)")
	f.Add("\xff\r\n\u2028https://evil.example")
	f.Fuzz(func(t *testing.T, userAgent string) {
		if got := Of(userAgent); !slices.Contains(Names(), got) {
			t.Errorf("%q: %q is not on the list", userAgent, got)
		}
	})
}

func TestNetwork_shortensAddresses(t *testing.T) {
	t.Parallel()

	for address, want := range map[string]string{
		"203.0.113.77":                  "203.0.113.0/24",
		"127.0.0.1":                     "127.0.0.0/24",
		"255.255.255.255":               "255.255.255.0/24",
		"::ffff:203.0.113.77":           "203.0.113.0/24",
		"2001:db8:1:2:3:4:5:6":          "2001:db8:1::/48",
		"::1":                           "::/48",
		"fe80::1%eth0":                  "fe80::/48",
		"fe80::1%https://evil.example/": "fe80::/48",
	} {
		if got := Network(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}

	if got := Network(netip.Addr{}); got != "" {
		t.Errorf("no address: %q", got)
	}
}
