package provider

import (
	"slices"
	"strings"
)

// Show is what clients see of the app of a provider and client id, also where it is hidden.
// Of one that is not set up any more it is the id alone.
func (p *Providers) Show(id, clientID string) Listed {
	for _, l := range p.List() {
		if l.ID == id && (clientID == l.ClientID || slices.Contains(strings.Split(l.ClientID, ","), clientID)) {
			return l
		}
	}
	shown := Listed{ID: id, Name: id, Flows: []string{"provider_token"}}
	if app, ok := p.Find(id, clientID); ok {
		shown.Name = app.Name
	}
	return shown
}
