package app

// warnOfPlain names the hosts that this server talks to unencrypted over a network.
func (a *App) warnOfPlain() {
	if hosts := a.config.Database.PlainHosts(); len(hosts) > 0 {
		a.log.Warn("the database may be talked to unencrypted: passwords, tokens' hashes and addresses can be read and changed on the way. "+
			"Set sslmode=verify-full and sslrootcert in DATABASE_URL (and in LATCHKEY_DATABASE_DIRECT_URL)", "hosts", hosts)
	}
	if host := a.config.Outbox.PlainHost(); host != "" {
		a.log.Warn("mails travel unencrypted to the SMTP server: codes and links in them can be read on the way. "+
			"Set EMAIL_USE_TLS or EMAIL_USE_SSL", "host", host)
	}
	if host := a.config.Trace.PlainHost(); host != "" {
		a.log.Warn("traces and the headers of OTEL_EXPORTER_OTLP_HEADERS travel unencrypted to the collector. "+
			"Give it an https address", "host", host)
	}
}
