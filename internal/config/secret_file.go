package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	othersRead  = 0o004
	othersWrite = 0o022 // the group, too
)

// readSecretFile reads a secret. It refuses a file that another account can change: who changes a
// key decides what it opens (TestRead_aSecretFileThatOthersCanChangeIsRefused).
func readSecretFile(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", errors.Unwrap(err))
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&othersWrite != 0 {
		return "", errors.New("can be changed by other accounts: chmod go-w")
	}

	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", errors.Unwrap(err))
	}
	return strings.TrimSpace(string(content)), nil
}

// openSecretFiles warns of secrets that every account of the machine can read. That is no mistake in
// a container, whose secrets are mounted so and whose accounts are one.
func openSecretFiles(all []Field, env Environment) []string {
	var warnings []string
	for _, f := range all {
		file := env[f.Name+"_FILE"]
		if f.Secret == "" || file == "" {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&othersRead != 0 {
			warnings = append(warnings, f.Name+"_FILE can be read by every account of this machine: chmod 600")
		}
	}
	return warnings
}
