package provider

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tenantPlace is where an issuer of Microsoft Entra ID for several tenants names the tenant.
const tenantPlace = "{tenantid}"

var (
	tenantID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`)
	// sharedServer is a server_url whose discovery document names such an issuer.
	sharedServer = regexp.MustCompile(`^(https?://.+)/(common|organizations)(/v2\.0)/?$`)
	// personalServer is the one for Microsoft's own accounts, whose issuer names one tenant.
	personalServer = regexp.MustCompile(`/consumers/v2\.0/?$`)
)

// template is an issuer that stands for one issuer a tenant.
//
// Security: whoever has a tenant can sign in, unless tenants names those that may, and the
// administrator of a tenant writes into its tokens whatever address they like. So a user is
// known by tid and sub together, the issuer is the one of this very tid, and an address
// never counts as verified (TestProvider_entraTemplate).
type template struct {
	issuer  string   // with tenantPlace in it, once
	tenants []string // those that may sign in, in lower case; empty: all
}

// bind returns the tenant of a token, whose issuer must be the template with this tenant.
func (t *template) bind(o map[string]any) (tenant string, err error) {
	tenant, _ = o["tid"].(string)

	issuer, _ := o["iss"].(string)
	if !tenantID.MatchString(tenant) || issuer != strings.Replace(t.issuer, tenantPlace, tenant, 1) {
		return "", refuse(reasonTenantIssuer)
	}

	tenant = strings.ToLower(tenant)
	if len(t.tenants) > 0 && !slices.Contains(t.tenants, tenant) {
		return "", refuse(reasonTenant)
	}

	return tenant, nil
}

// takesKey reports whether a key may sign for an issuer. Security: Microsoft's key sets hold
// keys that are for one tenant only, and say so in a member "issuer". Such a key must not sign
// for another (TestProvider_entraKeysOfOneTenantSignForNoOther).
func (t *template) takesKey(k key, claims []byte) bool {
	var told struct {
		Issuer string `json:"iss"`
	}

	if k.issuer == "" || k.issuer == t.issuer {
		return true
	}

	return json.Unmarshal(claims, &told) == nil && told.Issuer == k.issuer
}

// template reads an issuer with tenantPlace in it, or that of a server_url for several tenants.
func (r *reading) template(e entry, server, issuer string) *template {
	where := e.where + ".settings"
	if personalServer.MatchString(server) {
		r.wrong(where+".server_url", "personal accounts have one tenant: want .../9188040d-6c67-4c5b-b112-36a304b66dad/v2.0")
	}

	if strings.Contains(server, tenantPlace) {
		r.wrong(where+".server_url", "want .../common/v2.0 or .../organizations/v2.0; "+tenantPlace+" stands in issuer alone")
	}

	if shared := sharedServer.FindStringSubmatch(server); issuer == "" && shared != nil {
		issuer = shared[1] + "/" + tenantPlace + shared[3]
	}

	tenants := r.tenants(e)
	switch strings.Count(issuer, tenantPlace) {
	case 0:
		if e.settings["tenants"] != nil {
			r.wrong(where+".tenants", "only an issuer with "+tenantPlace+" has those")
		}

		return nil
	case 1:
	default:
		r.wrong(where+".issuer", "want "+tenantPlace+" once")
	}

	if !strings.Contains(issuer+"/", "/"+tenantPlace+"/") {
		r.wrong(where+".issuer", "want "+tenantPlace+" as a whole part of the path")
	}

	return &template{issuer: issuer, tenants: tenants}
}

// tenants reads the tenants that may sign in: a list, or a text with commas.
func (r *reading) tenants(e entry) []string {
	value := e.settings["tenants"]
	if value == nil {
		return nil
	}

	list := lowerTexts(value)

	isNone := func(text string) bool { return !tenantID.MatchString(text) }
	if len(list) == 0 || slices.ContainsFunc(list, isNone) {
		r.wrong(e.where+".settings.tenants", "want a list of tenant ids, as they are in tid; a domain is none")
	}

	return list
}

// Warnings are what the operator should know at the start.
func (p *Providers) Warnings() []string {
	var list []string
	for _, app := range p.list {
		if app.template == nil {
			continue
		}

		if len(app.template.tenants) == 0 {
			list = append(list, fmt.Sprintf("%s: users of every tenant can sign in: set tenants in its settings to those that may", app.ID))
		}

		if app.VerifiedEmail {
			list = append(list, fmt.Sprintf("%s: VERIFIED_EMAIL has no effect on a provider with many tenants: each of them writes the addresses that it likes", app.ID))
		}
	}

	slices.Sort(list)

	return slices.Compact(list)
}
