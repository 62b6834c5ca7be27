package service

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

func toUser(u db.UserDetail) api.User {
	shown := api.User{ID: api.UserID(u.Subject), Display: u.Display, HasUsablePassword: u.HasUsablePassword}
	if u.Email != nil {
		shown.Email = *u.Email
	}

	shown.Username = usernameOf(u)

	return shown
}

// usernameOf is the user name, or one that is made of the id where the user has none: allauth's
// document requires one, and generated clients fail without it.
func usernameOf(u db.UserDetail) string {
	if u.Username != nil {
		return *u.Username
	}

	return u.Subject
}

// Authenticating renders a user who has to authenticate again, for internal/server.
func Authenticating(e flow.Entry) (api.User, []api.AuthenticationMethod) {
	return toUser(e.User), toMethods(e.Methods)
}

// toMethods reads what Session.Open wrote; a list that cannot be read shows as empty.
func toMethods(stored json.RawMessage) []api.AuthenticationMethod {
	var list []session.Method
	_ = json.Unmarshal(stored, &list)

	shown := make([]api.AuthenticationMethod, 0, len(list))
	for _, m := range list {
		if m.Method == session.BySignUp { // allauth's list has no entry for a sign-up
			continue
		}

		shown = append(shown, api.AuthenticationMethod{
			Method: m.Method, At: m.At, Email: m.Email, Username: m.Username, Phone: m.Phone, Reauthenticated: m.Reauthenticated,
			ID: m.ID, Type: m.Type, Passwordless: m.Passwordless, Provider: m.Provider, UID: m.UID,
		})
	}

	return shown
}

func toAuthenticated(e flow.Entry) api.AuthenticatedResponse {
	return api.AuthenticatedResponse{
		Status: 200,
		Data:   api.Authenticated{User: toUser(e.User), Methods: toMethods(e.Methods)},
		Meta: api.AuthenticatedMeta{
			IsAuthenticated: true, SessionToken: e.SessionToken, AccessToken: e.AccessToken, RefreshToken: e.RefreshToken,
			DeletionCancelled: e.DeletionCancelled, DeviceToken: e.DeviceToken,
		},
	}
}

func toAddresses(list []account.Address) api.EmailAddressListJSONResponse {
	shown := api.EmailAddressListJSONResponse{Status: 200, Data: make([]api.EmailAddress, 0, len(list))}
	for _, e := range list {
		shown.Data = append(shown.Data, api.EmailAddress{Email: e.Address, Verified: e.VerifiedAt != nil, Primary: e.IsPrimary})
	}

	return shown
}

func toSessions(list []account.Listed, current uuid.UUID) api.SessionsResponse {
	shown := api.SessionsResponse{Status: 200, Data: make([]api.SessionRecord, 0, len(list))}
	for _, l := range list {
		record := api.SessionRecord{
			ID: l.ListingID, UserAgent: l.UserAgent, DeviceName: l.DeviceName, Platform: session.Platform(l.UserAgent),
			CreatedAt: session.Epoch(l.CreatedAt), LastSeenAt: session.Epoch(l.LastSeenAt), IsCurrent: l.ID == current,
		}
		if l.Address != nil {
			record.IP = *l.Address
		}

		shown.Data = append(shown.Data, record)
	}

	return shown
}

func toProfile(d *session.Details) api.Profile {
	return api.Profile{
		ID: api.UserID(d.Subject), Email: d.Email, Display: d.Display, EmailVerified: d.EmailVerifiedAt != nil,
		TenantID: d.TenantID, CreatedAt: session.Epoch(d.UserCreatedAt),
	}
}

func toKeySet(keys []token.PublicKey) api.KeySet {
	set := api.KeySet{Keys: make([]api.JSONWebKey, 0, len(keys))}
	for _, k := range keys {
		set.Keys = append(set.Keys, api.JSONWebKey{
			Kty: k.KeyType, Crv: k.Curve, X: k.X, Y: k.Y, Kid: k.ID, Alg: k.Algorithm, Use: k.Use,
		})
	}

	return set
}
