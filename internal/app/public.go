package app

import (
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/server"
	"github.com/latchkey-auth/latchkey/internal/service"
)

// publicURL is the address at which users reach this server: the setting, or the issuer where
// that is an address. It is empty where neither says it.
func (a *App) publicURL() string { return publicURL(a.config) }

func publicURL(c config.Config) string {
	if c.Server.PublicURL != "" {
		return c.Server.PublicURL
	}
	if server.CheckPublicURL(c.Token.Issuer) == nil {
		return c.Token.Issuer
	}

	return ""
}

// published is what the settings say about addresses that others look up.
func (a *App) published() service.Published {
	c := a.config

	return service.Published{
		Issuer: c.Token.Issuer, PublicURL: a.publicURL(), Pages: c.Outbox.Pages(), OwnPages: outbox.UndoPath,
		Specification: c.Server.Specification,
	}
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
