package phone

import "testing"

func TestServes_countriesThatShareACallingCodeAreToldApart(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		countries []string
		number    string
		want      bool
	}{
		"no list":                         {nil, "+31612345678", true},
		"on the list":                     {[]string{"DE", "NL"}, "+31612345678", true},
		"not on the list":                 {[]string{"DE"}, "+31612345678", false},
		"the United States":               {[]string{"US"}, "+12125551234", true},
		"Jamaica is not":                  {[]string{"US", "CA"}, "+18765551234", false},
		"Jamaica":                         {[]string{"JM"}, "+18765551234", true},
		"Canada is not":                   {[]string{"US"}, "+14165551234", false},
		"Kazakhstan is not Russia":        {[]string{"RU"}, "+77012345678", false},
		"a satellite phone":               {[]string{"US", "DE", "NL"}, "+881612345678", false},
		"a premium number, without list":  {nil, "+19002345678", false},
		"a premium number of the country": {[]string{"DE"}, "+499001234567", false},
		"no number":                       {nil, "x", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Serves(row.countries, row.number); got != row.want {
				t.Errorf("%s of %v: %v", row.number, row.countries, got)
			}
		})
	}
}

func TestIsCountry(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"DE": true, "US": true, "de": false, "XX": false, "": false, "DEU": false, "+49": false} {
		if IsCountry(code) != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
}
