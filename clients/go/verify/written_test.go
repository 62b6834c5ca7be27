package verify_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"os"
	"testing"
)

// corpusFile is where TestTJWT_corpus writes its rows, for the test that plays them at the server's own
// gate: that one is in a module that requires both.
var corpusFile = flag.String("corpus", "", "the file to write the corpus to")

func writeCorpus(t *testing.T, f *forge, rows []row) {
	t.Helper()
	if *corpusFile == "" {
		return
	}

	der, err := x509.MarshalPKCS8PrivateKey(f.key)
	if err != nil {
		t.Fatal(err)
	}
	list := []map[string]any{}
	for _, r := range rows {
		list = append(list, map[string]any{"Name": r.name, "Compact": r.compact, "Accept": r.accept})
	}
	text, err := json.Marshal(map[string]any{
		"Now":        f.clock.Now(),
		"PrivateKey": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"Rows":       list,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*corpusFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
