package fakeprovider

import (
	"net/http"
	"strings"
)

// Entra is a provider with many tenants, as Microsoft Entra ID is. It is no part of Providers.
const (
	Entra         = "fake-entra"
	EntraClientID = "dev.latchkey.entra"
)

const tenantPlace = "{tenantid}"

// TenantIssuer is the issuer of the tokens of one tenant.
func (s *Server) TenantIssuer(tenant string) string {
	return strings.Replace(s.Issuer(Entra), tenantPlace, tenant, 1)
}

// SetKeyIssuer makes the key set say that the provider's key is for the tokens of one issuer.
func (s *Server) SetKeyIssuer(provider, issuer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sides[provider].keyIssuer = issuer
}

// serveSharedConfiguration is the document for users of every tenant.
func (s *Server) serveSharedConfiguration(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"issuer": s.Issuer(Entra), "jwks_uri": s.URL + "/" + Entra + "/keys"})
}
