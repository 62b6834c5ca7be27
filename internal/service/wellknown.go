package service

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Published is what the settings say about addresses that others look up.
type Published struct {
	// Issuer is iss of every token.
	Issuer string
	// PublicURL is the address at which users reach this server; empty where it is unknown.
	PublicURL string
	// Pages are the addresses of HEADLESS_FRONTEND_URLS, by name.
	Pages map[string]string
	// OwnPages is the path, below PublicURL, of the pages that this server shows to users.
	OwnPages string
	// Specification: the document is served below /_allauth/, too.
	Specification bool
}

// MetadataPath is the path of the issuer's metadata (RFC 8414, section 3.1); empty where the
// issuer is not an https URL without a query or fragment, and has none.
func (p Published) MetadataPath() string {
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(p.Issuer, "?#") {
		return ""
	}

	return metadataPath + strings.TrimSuffix(u.EscapedPath(), "/")
}

const metadataPath = "/.well-known/oauth-authorization-server"

// keySetURL is the address of the key set: below the public address where that is https, and
// otherwise below the issuer.
func (p Published) keySetURL() string {
	base := p.Issuer
	if strings.HasPrefix(p.PublicURL, "https://") {
		base = p.PublicURL
	}

	return strings.TrimSuffix(base, "/") + "/.well-known/jwks.json"
}

func (p Published) metadata() *api.ServerMetadata {
	if p.MetadataPath() == "" {
		return nil
	}

	return &api.ServerMetadata{
		Issuer: p.Issuer, JwksURI: p.keySetURL(), ResponseTypesSupported: []string{"none"}, GrantTypesSupported: []string{},
	}
}

// appLinks are the links that open an iOS app: those pages that are on a domain of this server.
//
// The server's own pages come first and are excluded, so that no page of the operator's that
// has only {key} in its path takes them over.
func (p Published) appLinks(rpID string) []factor.LinkPattern {
	hosts := map[string]bool{}

	prefix := ""
	if u, err := url.Parse(p.PublicURL); err == nil && u.Host != "" {
		hosts[strings.ToLower(u.Host)] = true
		prefix = strings.TrimSuffix(u.Path, "/")
	}

	if rpID != "" {
		hosts[rpID] = true
	}

	patterns := factor.LinkPatterns(p.Pages, hosts)
	if len(patterns) == 0 {
		return nil
	}

	own := []factor.LinkPattern{
		{Path: prefix + p.OwnPages + "*", Exclude: true},
		{Path: prefix + "/_allauth/*", Exclude: true},
		{Path: prefix + "/api/*", Exclude: true},
		{Path: "/.well-known/*", Exclude: true},
	}

	return append(own, patterns...)
}

// wellKnown answers what others look up below /.well-known/.
type wellKnown struct {
	metadata *api.ServerMetadata // nil: the issuer has none
	apple    api.JSONObject      // nil: no app is set
	links    []api.JSONObject    // nil: no app is set
	password string              // empty: no page is set
	passkeys api.PasskeyPages
}

func newWellKnown(p Published, apps factor.Settings) (wellKnown, error) {
	w := wellKnown{metadata: p.metadata(), password: p.Pages[outbox.PageChangePassword]}
	w.passkeys = api.PasskeyPages{Enroll: p.Pages[outbox.PageAddPasskey], Manage: p.Pages[outbox.PageListPasskeys]}

	if text := apps.AppleSiteAssociation(p.appLinks(apps.RPID)); text != nil {
		if err := json.Unmarshal(text, &w.apple); err != nil {
			return w, err
		}
	}

	if text := apps.AssetLinks(); text != nil {
		if err := json.Unmarshal(text, &w.links); err != nil {
			return w, err
		}
	}

	return w, nil
}

const (
	// fileLives: a file may be kept for an hour: an app is installed once, and asks then.
	fileLives = "public, max-age=3600"
	// settingLives: what backends and password managers look up follows the settings sooner.
	settingLives = "public, max-age=300"
)

func (w wellKnown) GetAppleAppSiteAssociation(context.Context, api.GetAppleAppSiteAssociationRequestObject) (api.GetAppleAppSiteAssociationResponseObject, error) {
	if w.apple == nil {
		return nil, problem.PathNotFound
	}

	return api.GetAppleAppSiteAssociation200JSONResponse{Body: w.apple, Headers: api.GetAppleAppSiteAssociation200ResponseHeaders{CacheControl: fileLives}}, nil
}

func (w wellKnown) GetAssetLinks(context.Context, api.GetAssetLinksRequestObject) (api.GetAssetLinksResponseObject, error) {
	if w.links == nil {
		return nil, problem.PathNotFound
	}

	return api.GetAssetLinks200JSONResponse{Body: w.links, Headers: api.GetAssetLinks200ResponseHeaders{CacheControl: fileLives}}, nil
}

func (w wellKnown) GetServerMetadata(context.Context, api.GetServerMetadataRequestObject) (api.GetServerMetadataResponseObject, error) {
	if w.metadata == nil {
		return nil, problem.PathNotFound
	}

	return api.GetServerMetadata200JSONResponse{Body: *w.metadata, Headers: api.GetServerMetadata200ResponseHeaders{CacheControl: settingLives}}, nil
}

func (w wellKnown) GetChangePasswordPage(context.Context, api.GetChangePasswordPageRequestObject) (api.GetChangePasswordPageResponseObject, error) {
	if w.password == "" {
		return nil, problem.PathNotFound
	}

	return api.GetChangePasswordPage302Response{Headers: api.GetChangePasswordPage302ResponseHeaders{Location: w.password, CacheControl: settingLives}}, nil
}

func (w wellKnown) GetPasskeyPages(context.Context, api.GetPasskeyPagesRequestObject) (api.GetPasskeyPagesResponseObject, error) {
	if w.passkeys == (api.PasskeyPages{}) {
		return nil, problem.PathNotFound
	}

	return api.GetPasskeyPages200JSONResponse{Body: w.passkeys, Headers: api.GetPasskeyPages200ResponseHeaders{CacheControl: fileLives}}, nil
}
