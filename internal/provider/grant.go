package provider

// GrantAbout is what the sealed grant of an account belongs to: it opens nowhere else. A
// grant is the refresh token that ExchangeCode returns and Revoke takes.
func GrantAbout(provider, uid string) string { return "grant " + provider + " " + uid }

// RevocationAbout is what a sealed grant belongs to once it waits to be revoked.
func RevocationAbout(id string) string { return "revocation " + id }
