package provider

import (
	"slices"
	"strings"
)

// Listed is what a client is told about an app.
type Listed struct {
	ID, Name string
	// Flows is what can be done with it.
	Flows []string
	// ClientID may be several, separated by commas. Such a text is taken as a client id too.
	ClientID string
	// ConfigurationURL is the discovery document of an OpenID Connect provider.
	ConfigurationURL string
}

// makeList makes what clients see, once: every answer to somebody who is not in yet names it.
func (p *Providers) makeList() {
	p.listed, p.ids = []Listed{}, []string{}
	for _, app := range p.list {
		if app.Hidden {
			continue
		}

		p.listed = append(p.listed, Listed{
			ID: app.ID, Name: app.Name, Flows: []string{"provider_token"},
			ClientID: strings.Join(app.ClientIDs, ","), ConfigurationURL: app.discoveryURL,
		})
		if !slices.Contains(p.ids, app.ID) {
			p.ids = append(p.ids, app.ID)
		}
	}
}

// List is what clients see, in the order of the settings. It is one list for all: nobody may change it.
func (p *Providers) List() []Listed { return p.listed }

// IDs are the providers in List, each once. They are for all, too.
func (p *Providers) IDs() []string { return p.ids }

// Show is what clients see of the app of a provider and client id, also where it is hidden.
// Of one that is not set up any more it is the id alone.
func (p *Providers) Show(id, clientID string) Listed {
	for _, l := range p.listed {
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
