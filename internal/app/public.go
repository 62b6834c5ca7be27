package app

import "github.com/latchkey-auth/latchkey/internal/server"

// publicURL is the address at which users reach this server: the setting, or the issuer where
// that is an address. It is empty where neither says it.
func (a *App) publicURL() string {
	c := a.config
	if c.Server.PublicURL != "" {
		return c.Server.PublicURL
	}
	if server.CheckPublicURL(c.Token.Issuer) == nil {
		return c.Token.Issuer
	}

	return ""
}

// linkMessages says where links of messages lead that the settings say nothing of.
func (a *App) linkMessages() {
	if address := a.publicURL(); address != "" {
		a.outbox.UndoBelow(address)
	}
	if a.console != nil {
		a.outbox.LinkBelow("http://" + a.config.Server.Addr)
	}
}

// warnOfUndo says that users cannot undo what a thief does to their account.
func (a *App) warnOfUndo() {
	if !a.outbox.Undoes() {
		a.log.Warn("messages about changes to accounts carry no undo link: set LATCHKEY_PUBLIC_URL, or account_undo in HEADLESS_FRONTEND_URLS")
	}
}
