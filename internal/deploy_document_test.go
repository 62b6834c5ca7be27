package internal_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// file reads a file of the repository.
func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../" + path)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// What the alert rules and the dashboard ask for are figures that docs/operate.md lists.
func TestDeploy_rulesAndDashboardAskForMetricsThatThereAre(t *testing.T) {
	guide := file(t, "docs/operate.md")
	name := regexp.MustCompile(`latchkey_[a-z_]+`)

	for _, path := range []string{"docs/deploy/prometheus/alerts.yml", "docs/deploy/grafana/latchkey.json"} {
		asked := name.FindAllString(file(t, path), -1)
		if len(asked) == 0 {
			t.Errorf("%s asks for nothing", path)
		}
		for _, metric := range asked {
			metric = strings.TrimSuffix(metric, "_bucket")
			if !strings.Contains(guide, "| `"+metric+"` |") {
				t.Errorf("%s asks for %s, which the table of docs/operate.md does not list", path, metric)
			}
		}
	}
}

func TestDeploy_theDashboardHasEightPanelsAtMost(t *testing.T) {
	var board struct {
		Panels []struct{ Title, Description string }
	}
	if err := json.Unmarshal([]byte(file(t, "docs/deploy/grafana/latchkey.json")), &board); err != nil {
		t.Fatal(err)
	}

	if n := len(board.Panels); n == 0 || n > 8 {
		t.Errorf("%d panels", n)
	}
	for _, panel := range board.Panels {
		if panel.Title == "" || panel.Description == "" {
			t.Errorf("a panel does not say what it shows: %+v", panel)
		}
	}
}

// Settings that are handed out have to exist.
func TestDeploy_everySettingIsOne(t *testing.T) {
	settings := file(t, "docs/settings.md")
	name := regexp.MustCompile(`\b(LATCHKEY|ACCOUNT|HEADLESS|EMAIL|MFA)_[A-Z_]+`)

	for _, path := range []string{
		"compose.yaml", "Dockerfile", "docs/operate.md", "docs/deploy/latchkey.service", "docs/deploy/helm/latchkey/values.yaml",
		"docs/deploy/helm/latchkey/templates/deployment.yaml",
	} {
		for _, setting := range name.FindAllString(file(t, path), -1) {
			setting = strings.TrimSuffix(setting, "_FILE")
			if !strings.Contains(settings, "`"+setting+"`") && !strings.Contains(settings, "`"+setting+"_FILE`") {
				t.Errorf("%s names %s, which is no setting", path, setting)
			}
		}
	}
}
