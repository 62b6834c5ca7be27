package config

import (
	"github.com/latchkey-auth/latchkey/internal/secretfile"
)

// privateKey marks a secret whose file is refused where every account can read it.
const privateKey = "key"

// readSecretFile reads the file of a secret (TestRead_aSecretFileThatOthersCanChangeIsRefused).
func (f Field) readSecretFile(file string) (string, error) {
	if f.Secret == privateKey {
		return secretfile.ReadKey(file)
	}

	return secretfile.Read(file)
}

// openSecretFiles warns of secrets that every account of the machine can read. That is no mistake in
// a container, whose secrets are mounted so and whose accounts are one.
func openSecretFiles(all []Field, env Environment) []string {
	var warnings []string
	for _, f := range all {
		file := env[f.Name+"_FILE"]
		if f.Secret != "" && file != "" && secretfile.IsOpen(file) {
			warnings = append(warnings, f.Name+"_FILE can be read by every account of this machine: chmod 600")
		}
	}

	return warnings
}
