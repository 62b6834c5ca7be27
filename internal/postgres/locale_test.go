package postgres_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Whether two letters are one is decided in Go: the locale of a database decides nothing.
func TestSQL_noLocaleDecides(t *testing.T) {
	t.Parallel()

	queries, err := filepath.Glob("../../queries/*.sql")
	if err != nil || len(queries) == 0 {
		t.Fatal(queries, err)
	}

	folds := regexp.MustCompile(`(?i)\b(?:lower|upper|initcap)\((?:[^()]|\([^()]*\))*\)|\b[a-z.]+ I?LIKE\b|~\*|citext`)
	plain := regexp.MustCompile(`COLLATE "C"\)$`)
	for _, name := range append(queries, "../../schema.sql") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range folds.FindAllString(string(text), -1) {
			if !plain.MatchString(found) {
				t.Errorf("%s: %s depends on the locale of the database", name, found)
			}
		}
	}
}
