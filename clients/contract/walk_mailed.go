package main

// noKey is a key that no message carries. It has the length of one.
const noKey = "4Jr2wq1ZkQ0m5pYc7uXn9bTe3sVg6hLd8oFa0iKy2Mw"

func mailedKey(*suite) any { return members("key", noKey) }

// mailed is what begins with a key or a code out of a message, which nobody here can read. The
// code to prove an identity with is for accounts without a password: those that came by another
// service.
var mailed = []step{
	{id: "getAccountUndo", want: []int{400}, headers: func(*suite) map[string]string {
		return map[string]string{"X-Account-Undo-Key": noKey}
	}},
	{id: "undoAccountChanges", want: []int{400}, body: mailedKey},
	{id: "rejectEmailVerification", want: []int{400}, body: mailedKey},
	// 401: the service did not vouch for the address.
	{id: "requestReauthenticationCode", want: []int{200, 401}, needs: guest(0), headers: asGuest(0)},
	{id: "confirmReauthenticationCode", want: []int{400, 401, 409}, needs: guest(0), headers: asGuest(0), body: wrongCode},
}
