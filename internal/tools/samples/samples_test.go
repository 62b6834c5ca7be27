package main

import (
	"strings"
	"testing"
)

func TestExtract_takesWhatStandsBetweenTheMarks(t *testing.T) {
	found, err := extract("x\n\t// sample: login\n\tif a {\n\t\tb()\n\t}\n\t// end of sample\ny\n# sample: signup\ncurl\n# end of sample\n")
	if err != nil || found["login"] != "if a {\n  b()\n}" || found["signup"] != "curl" || len(found) != 2 {
		t.Errorf("%q, %v", found, err)
	}
}

func TestExtract_refusesHalfASample(t *testing.T) {
	for text, want := range map[string]string{
		"// sample: login\nx\n":                    "has no end",
		"// sample: login\nx\n// sample: signup\n": "has no end",
		"// sample: login\nx\n// end of sample\n// sample: login\ny\n// end of sample\n":         "two samples",
		"# sample: login\n# end of sample\n# sample: login\nx\n# sample: login\n# end of sample": "has no end",
	} {
		if _, err := extract(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCheck_wantsEachLanguageAndNoUnknownOperation(t *testing.T) {
	spec := "      operationId: login\n"
	all := make([]sample, len(languages))
	if err := check(map[string][]sample{"login": all}, spec); err != nil {
		t.Error(err)
	}
	for name, found := range map[string]map[string][]sample{
		"none": {}, "a language is missing": {"login": all[1:]}, "unknown": {"logi": all},
	} {
		if check(found, spec) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
