package main

import "slices"

// scenario is one thing that happens to phones, and what must come of it.
type scenario struct {
	id    string
	holds string // pains of docs/conformance.md, and rows of its table of other clients
	says  string
	play  func(*world)
}

// scenarios is all of them. Each plays with a phone, a store and a proxy of its own.
var scenarios = slices.Concat(
	sessionScenarios, addressScenarios, onlineScenarios, originScenarios, newestScenarios, pendingScenarios, adoptScenarios, adoptSessionScenarios,
	keyLostScenarios, showScenarios, writesScenarios,
)

// sessionScenarios are those of one session: refreshing, stores, clocks, signing in and out.
var sessionScenarios = []scenario{
	// Answers that are lost.
	{"answer_lost", "P1, answer lost", "50 refreshes in a row lose their answer; a retry 1 s to 3 days later gets the same successor", answerLost},
	{"cut_before_forwarding", "P1 P6", "the connection is cut before the server has the refresh", onRefresh(cutBefore)},
	{"cut_in_body", "P1 P6", "half of the answer arrives", onRefresh(cutBody)},
	{"not_http", "P6", "a TLS alert where an answer should be", onRefresh(noHTTP)},
	{"answer_late", "P1 P6", "the answer comes after the client's time-out", answerLate},
	{"killed_before_send", "P2", "killed before the refresh is sent; back 8 h later", killedAt("before_send")},
	{"killed_after_send", "P2", "killed when the server has answered", killedAt("after_send")},
	{"killed_after_headers", "P2", "killed with the headers", killedAt("after_headers")},
	{"killed_after_body", "P2", "killed with the body", killedAt("after_body")},
	{"killed_after_decode", "P2", "killed before the new pair is stored", killedAt("after_decode")},
	{"killed_after_persist", "P2", "killed when the new pair is stored", killedAt("after_persist")},

	// Several callers, clients and processes.
	{"parallel_stale", "P3, 50 parallel calls", "50 parallel calls with a token that the server refuses: one refresh", parallelStale},
	{"parallel_expired", "P3", "200 parallel calls with an expired token: one refresh, no 401", parallelExpired},
	{"two_clients", "P3", "two clients of one process share a store: never two refreshes at once", twoClients},
	{"two_processes", "P4", "two processes hammer one store: no sign-out, one refresh for each expiry", twoProcesses},
	{"holder_killed", "P4", "a process is killed while it refreshes; the other goes on", holderKilled},
	{"rotated_elsewhere", "P4", "another process has refreshed twice; this one spends what is stored", rotatedElsewhere},
	{"conflict_elsewhere", "P4", "409 to the refresh, and another process has stored a newer token: spent at once", conflictElsewhere},
	{"signed_out_elsewhere", "P4 P14", "another process has signed out; this one sends nothing and says so", signedOutElsewhere},
	{"signed_in_elsewhere", "P4", "a refresh is refused for good, but another process has signed in: adopted", signedInElsewhere},

	// Trouble that is no sign-out.
	{"offline", "P6, offline", "no connection at all", offline},
	{"status_408", "P6", "408 to the refresh", outage(answering(refreshing, 408, jsonType, `{"status":408,"errors":[{"code":"request_timeout","message":"late"}]}`))},
	{"status_425", "P6", "425 to the refresh", outage(answering(refreshing, 425, htmlType, ""))},
	{"status_429", "P6, 429", "429 with Retry-After to the refresh", outage(problem(refreshing, 429, "too_many_requests").after(7))},
	{"refresh_conflict", "P4 P6", "409 to the refresh, and the store holds the same token: kept, and repeated later", outage(problem(refreshing, 409, "refresh_conflict").after(1))},
	{"status_500", "P6, 500 and 503", "500 to the refresh", outage(problem(refreshing, 500, "internal_error"))},
	{"status_502", "P6", "a balancer's 502 to the refresh", outage(answering(refreshing, 502, htmlType, portal))},
	{"status_503", "P6, 500 and 503", "503 with Retry-After to the refresh", outage(problem(refreshing, 503, "temporarily_unavailable").after(3))},
	{"html_200", "P6, HTML with 200", "a captive portal answers the refresh", outage(answering(refreshing, 200, htmlType, portal))},
	{"empty_object_200", "P6, {} with 200", "200 with {}", outage(answering(refreshing, 200, jsonType, `{}`))},
	{"empty_200", "P6", "200 with nothing", outage(answering(refreshing, 200, jsonType, ""))},
	{"malformed_200", "P6", "200 with JSON that breaks off", outage(answering(refreshing, 200, jsonType, `{"status":200,"data":{"user":`))},
	{"html_400", "P6", "a proxy's 400", outage(answering(refreshing, 400, htmlType, portal))},
	{"foreign_400", "P6", "400 with somebody else's JSON", outage(answering(refreshing, 400, jsonType, `{"error":"invalid_grant","errors":[{"code":"session_ended"}]}`))},
	{"html_401", "P6", "401 with HTML to the refresh", outage(answering(refreshing, 401, htmlType, portal))},
	{"ours_401", "P6", "our own 401 to the refresh, which never gives one", outage(unauthorized(refreshing, false, `{"id":"login"}`))},
	{"html_403", "P6, 403 HTML", "a firewall's 403", outage(answering(refreshing, 403, htmlType, portal))},
	{"html_404", "P6", "404 to the refresh", outage(answering(refreshing, 404, htmlType, portal))},
	{"gone_410", "P6", "410 to the refresh", outage(answering(refreshing, 410, htmlType, portal))},
	{"redirected", "P6", "a captive portal redirects the refresh", redirected},
	{"other_problem", "P6", "400 with a code that does not speak of the session", otherProblem},
	{"still_alive", "P6", "refreshes fail while the access token lives: calls go on", stillAlive},
	{"retry_after", "P7", "no refresh before Retry-After", retryAfterHonoured(503, "temporarily_unavailable")},
	{"conflict_retry_after", "P7", "no refresh before the Retry-After of a 409 either", retryAfterHonoured(409, "refresh_conflict")},
	{"storm_401", "P7", "401 to everything for 10 minutes: 6 refreshes at most", storm},
	{"storm_useless", "P7", "refreshes succeed and calls get 401 for 10 minutes: 6 refreshes at most", stormUseless},
	{"reauthenticate", "P6", "401 that asks to prove it again is handed out, without a refresh", handedOut(unauthorized(profile, true, `{"id":"reauthenticate"}`), 401)},
	{"prove_by_factor", "P6", "401 that asks for a second factor again is handed out, without a refresh", handedOut(unauthorized(profile, true, `{"id":"reauthenticate"},{"id":"mfa_reauthenticate","types":["recovery_codes","totp"]}`), 401)},
	{"foreign_401", "P6", "a proxy's 401 to a call is handed out, without a refresh", handedOut(answering(profile, 401, htmlType, portal), 401)},
	{"gone_on_call", "P6", "410 to a call ends no session of tokens", handedOut(answering(profile, 410, jsonType, `{"status":410,"data":{"flows":[]},"meta":{"is_authenticated":null}}`), 410)},
	{"body_repeated", "P3", "a request with a body is repeated after the refresh", bodyRepeated},
	{"ahead_of_expiry", "P3", "a token about to expire is renewed before it does", aheadOfExpiry},

	// Ends that are true.
	{"terminal_codes", "P15", "each of the seven codes ends the session, once, with its reason", terminalCodes},
	{"ended_on_server", "P15", "another device has ended the session", endedOnServer},

	// Clocks.
	{"clock_2m_fast", "P8", "the wall clock is 2 minutes fast", clockWrong(2 * minute)},
	{"clock_2m_slow", "P8", "2 minutes slow", clockWrong(-2 * minute)},
	{"clock_70m_fast", "P8", "70 minutes fast", clockWrong(70 * minute)},
	{"clock_70m_slow", "P8", "70 minutes slow", clockWrong(-70 * minute)},
	{"clock_1d_fast", "P8, clock +1 day", "a day fast", clockWrong(day)},
	{"clock_1d_slow", "P8, clock -1 day", "a day slow", clockWrong(-day)},
	{"clock_10y_fast", "P8", "10 years fast", clockWrong(3653 * day)},
	{"clock_10y_slow", "P8", "10 years slow", clockWrong(-3653 * day)},
	{"clock_jump", "P8", "the wall clock jumps during a session", clockJump},
	{"clock_corrected", "P8, signed in at +1 day", "signed in with a clock a day fast, which is then corrected", clockCorrected},
	{"clock_slept", "P8", "the server refuses a token that lives by both clocks: a 401 counts", clockSlept},
	{"clock_asleep", "P8", "the monotonic clock stands still for 8 hours, the wall clock goes on: a refresh ahead, no 401", clockAsleep},
	{"clock_naps", "P8", "asleep for a minute at a time: no refresh before the token is due", clockNaps},

	// Stores.
	{"store_locked", "P5", "the device is locked at start: not signed out, nothing sent", lockedStore("locked")},
	{"store_hidden", "P5", "before the first unlock the store says: not found", lockedStore("not_found_while_locked")},
	{"store_locked_later", "P5", "the device is locked while the app runs", lockedLater},
	{"store_reads_fail", "P9", "reads fail three times, then succeed", readsFail},
	{"store_reads_fail_later", "P9", "reads fail when it is time to refresh", readsFailLater},
	{"write_rejected", "P9, write rejected", "the new pair cannot be stored: it is not used, and the session kept", writeRejected},
	{"write_rejected_killed", "P2 P9", "the new pair cannot be stored, and the process is killed", writeRejectedKilled},
	{"torn_write", "P10", "killed with half of the new pair written: the other slot still counts", tornWrite},
	{"torn_at_rest", "P10", "the newest slot is found damaged", tornAtRest},
	{"slot_size", "P10, P11", "nothing stored is over 1,024 bytes or holds an access token", slotSize},
	{"lock_stuck", "P15", "somebody holds the lock and does not let go: a typed error, no hang", lockStuck},

	// Signing in and out.
	{"pending", "", "a second step is pending: a value, not an error", pendingSignIn},
	{"sign_in_refused", "", "a wrong password is a problem with a code", signInRefused},
	{"sign_in_503", "P6", "the server is away at sign-in", signInAway},
	{"factor_pending", "", "the second factor is asked for: a value, and nothing of it is stored", factorPending},
	{"factor_killed", "P2", "killed while the second factor is asked for: signed out, and the sign-in begins again", factorKilled},
	{"factor_answer_lost", "P1", "the answer that asks for the second factor is lost: typed, and asked again", factorAnswerLost},
	{"factor_leaves_session", "P6", "half way through another sign-in, the session that is there goes on", factorLeavesSession},
	{"factor_elsewhere", "P6", "another device adds a second factor: the session goes on", factorElsewhere},
	{"factor_wrong", "", "a wrong code is a problem, and the sign-in goes on with the next one", factorWrong},
	{"factor_away", "P6", "the server cannot judge the code: typed, the same code works later", factorAway},
	{"factor_lost", "P1", "the answer that lets the person in is lost: the sign-in is over, and begins again", factorLost},
	{"factor_killed_sending", "P2", "killed while the code is judged: signed out, and the sign-in begins again", factorKilledSending},
	{"factor_signed_out", "P14", "signed out while the code is judged: nobody is signed in by it", factorSignedOut},
	{"factor_of_another", "P6", "another person signs in while somebody is: one session until the new one is whole", factorOfAnother},
	{"factor_by_key", "P6", "a passkey as the second factor; a dismissed prompt leaves the sign-in under way", factorByKey},
	{"passkey_sign_in", "", "a passkey alone signs in", passkeySignIn},
	{"passkey_dismissed", "P13", "a dismissed prompt is no error of the server, and changes nothing", passkeyDismissed},
	{"passkey_lost", "P1 P6", "trouble on either way to the server: typed, and the next attempt works", passkeyLost},
	{"passkey_leaves_session", "P6", "a sign-in with a passkey that fails leaves the session that is there alone", passkeyLeavesSession},
	{"provider_sign_in", "", "an id_token of another service signs up, and in", providerSignIn},
	{"provider_away", "P6", "the id_token cannot be judged: typed, and the same one works later", providerAway},
	{"provider_lost", "P1", "the answer to an id_token is lost: used up, and a new one works", providerLost},
	{"provider_leaves_session", "P6", "a sign-in with another service that fails leaves the session that is there alone", providerLeavesSession},
	{"provider_factor", "", "after another service the second factor is asked for all the same", providerFactor},
	{"provider_sign_up", "P2", "the service tells no address: a value, and nothing of it is stored", providerSignUp},
	{"device_known", "", "a sign-in shows the device token of the sign-in before, after a sign-out and in the next run", deviceKnown},
	{"sign_out", "P14", "nothing is left, and the server knows", signOut},
	{"sign_out_during_refresh", "P14, sign-out in flight", "the answer to a refresh comes after the sign-out", signOutDuring(holdAfter)},
	{"sign_out_before_refresh", "P14, sign-out in flight", "a refresh reaches the server after the sign-out", signOutDuring(holdBefore)},
	{"sign_out_write_rejected", "P9 P14", "the store cannot be cleared: signed out all the same, and it does not come back", signOutWriteRejected},
	{"sign_out_twice", "P14", "signing out twice is told once", signOutTwice},
	{"sign_out_offline", "P14", "signed out here at once, on the server later", signOutOffline},
	{"sign_out_offline_killed", "P14", "the next run tells the server", signOutOfflineKilled},
	{"sign_out_offline_expired", "P14", "offline, with an expired access token", signOutOfflineExpired},
	{"sign_in_after_offline", "P14", "a sign-in after an offline sign-out: two sessions, one ended", signInAfterOffline},
	{"sign_out_offline_two", "P14", "two sessions in a row that cannot be ended at once: both are ended later", signOutOfflineTwo},
	{"sign_out_answer_lost", "P14", "the answer to the sign-out is lost", signOutAnswerLost},

	// Cancellation, and the unlock prompt.
	{"cancel_one", "P3", "of two callers that wait for a refresh one gives up", cancelOne},
	{"cancel_at_once", "P3", "a call that is cancelled just when it starts returns", cancelAtOnce},
	{"cancel_all", "P3", "all callers give up; the refresh is not lost", cancelAll},
	{"prompt_once", "P13", "50 calls while locked: one prompt", promptOnce},
	{"prompt_dismissed", "P13", "dismissed: typed, not asked again for 30 s, session kept", promptDismissed},
	{"prompt_refresh", "P13", "refreshing never prompts", promptRefresh},
}
