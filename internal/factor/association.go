package factor

import "encoding/json"

// AppleSiteAssociation is the body of /.well-known/apple-app-site-association, by which
// iOS lets the apps use passkeys of the domain and opens links of it in them; nil where no app
// is set.
func (s Settings) AppleSiteAssociation(links []LinkPattern) []byte {
	if len(s.AppleApps) == 0 {
		return nil
	}

	file := map[string]any{"webcredentials": map[string]any{"apps": s.AppleApps}}
	if len(links) > 0 {
		file["applinks"] = map[string]any{"details": []any{map[string]any{"appIDs": s.AppleApps, "components": links}}}
	}

	body, _ := json.Marshal(file)

	return body
}

// AssetLinks is the body of /.well-known/assetlinks.json, by which Android lets the apps
// use passkeys of the domain; nil where no app is set.
func (s Settings) AssetLinks() []byte {
	type target struct {
		Namespace    string   `json:"namespace"`
		Package      string   `json:"package_name"`
		Fingerprints []string `json:"sha256_cert_fingerprints"`
	}
	type statement struct {
		Relation []string `json:"relation"`
		Target   target   `json:"target"`
	}
	relation := []string{"delegate_permission/common.handle_all_urls", "delegate_permission/common.get_login_creds"}
	var statements []statement
	at := map[string]int{}

	apps, _ := s.androidApps() // Check has reported the mistakes
	for _, a := range apps {
		i, known := at[a.name]
		if !known {
			i = len(statements)
			at[a.name] = i
			statements = append(statements, statement{relation, target{"android_app", a.name, nil}})
		}

		statements[i].Target.Fingerprints = append(statements[i].Target.Fingerprints, a.fingerprint())
	}

	if statements == nil {
		return nil
	}

	body, _ := json.Marshal(statements)

	return body
}
