package app

// allauthsLifetime is the default of HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN in allauth, and here, so
// that an installation that moves in behaves as before. In seconds.
const allauthsLifetime = 86400

// warnOfLifetime says that users sign in again who do not open the app for a day, as long as
// nobody has decided that they should.
func (a *App) warnOfLifetime() {
	decided := a.config.Session.RefreshExpiresIn != allauthsLifetime
	if decided || a.console != nil {
		return
	}

	a.log.Warn("users who do not open the app for a day sign in again: HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN is 86400 seconds; 2592000 (30 days) suits phones")
}
