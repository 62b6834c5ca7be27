package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// cases names the Output cases; others become http418.
var cases = map[string]string{
	"200": "ok", "201": "created", "202": "accepted", "204": "noContent", "303": "seeOther", "304": "notModified",
	"400": "badRequest", "401": "unauthorized", "403": "forbidden", "404": "notFound", "405": "methodNotAllowed",
	"408": "requestTimeout", "409": "conflict", "410": "gone", "413": "contentTooLarge", "415": "unsupportedMediaType",
	"422": "unprocessableContent", "429": "tooManyRequests", "431": "requestHeaderFieldsTooLarge",
	"500": "internalServerError", "503": "serviceUnavailable",
}

// plumbing are headers that the transport or a middleware reads, not the caller.
var plumbing = []string{"WWW-Authenticate", "Cache-Control", "Content-Type", "Date"}

func (g *generator) operate(path, method string, op *openapi3.Operation) (o operation, inner []declaration) {
	where := "operation " + op.OperationID
	if op.OperationID == "" {
		g.refuse(method+" "+path, "an operation needs an operationId")
		return o, nil
	}
	o = operation{Name: lower(op.OperationID), Type: upper(op.OperationID), ID: op.OperationID, Method: method, Path: path}
	o.Doc = strings.TrimSpace(op.Summary + "\n\n" + op.Description)
	if o.Doc == "" {
		o.Doc = method + " " + path
	}
	o.Params, inner = g.parameters(o, where, path, op.Parameters)
	o.Security = g.security(op)
	var more []declaration
	o.Body, more = g.body(o, where, op.RequestBody)
	o.BodyOptional = o.Body != "" && !op.RequestBody.Value.Required
	inner = append(inner, more...)
	if _, ok := op.Responses.Map()["default"]; ok {
		g.refuse(where, "list each status; a default response is not supported")
	}
	for _, code := range slices.Sorted(maps.Keys(op.Responses.Map())) {
		s, more := g.respond(o, where+", status "+code, code, op.Responses.Value(code).Value)
		o.Statuses, inner = append(o.Statuses, s), append(inner, more...)
	}
	return o, inner
}

// parameters returns those of the operation; credentials are added by a middleware.
func (g *generator) parameters(o operation, where, path string, described openapi3.Parameters) (params []parameter, inner []declaration) {
	if len(g.doc.Paths.Value(path).Parameters) > 0 {
		g.refuse(where, "parameters stand at the operation, not at the path")
	}
	for _, ref := range described {
		p := ref.Value
		at := where + ", parameter " + p.Name
		switch {
		case g.isCredential(p.Name):
			continue
		case p.In == "cookie":
			g.refuse(at, "cookies are not supported")
			continue
		case p.Schema == nil:
			g.refuse(at, "a parameter needs a schema")
			continue
		case isCompound(p.Schema.Value):
			g.refuse(at, "%s parameters must be single values, no arrays or objects", p.In)
			continue
		}
		swift, more := g.spell(o.Type+upper(p.Name), at, p.Schema)
		f := field{Name: lower(p.Name), Wire: p.Name, Type: swift, Doc: p.Description}
		if f.Doc == "" {
			f.Doc = "`" + p.Name + "` of the description."
		}
		if !p.Required {
			f.Type, f.Default = swift+"?", "nil"
		}
		params, inner = append(params, parameter{f, p.In}), append(inner, more...)
	}
	return params, inner
}

func isCompound(s *openapi3.Schema) bool {
	return s.Type.Is("array") || s.Type.Is("object") || isStruct(s) || len(s.OneOf) > 0
}

func (g *generator) isCredential(header string) bool {
	if g.doc.Components == nil {
		return false
	}
	for _, scheme := range g.doc.Components.SecuritySchemes {
		if scheme.Value.Type == "apiKey" && strings.EqualFold(scheme.Value.Name, header) {
			return true
		}
	}
	return false
}

func (g *generator) security(op *openapi3.Operation) (alternatives []string) {
	described := g.doc.Security
	if op.Security != nil {
		described = *op.Security
	}
	for _, alternative := range described {
		alternatives = append(alternatives, strings.Join(slices.Sorted(maps.Keys(alternative)), "+"))
	}
	return alternatives
}

func (g *generator) body(o operation, where string, ref *openapi3.RequestBodyRef) (string, []declaration) {
	if ref == nil {
		return "", nil
	}
	return g.content(o.Type+"Body", where+", request body", ref.Value.Content)
}

// content returns the type of a body, which must be JSON and nothing else.
func (g *generator) content(name, where string, content openapi3.Content) (string, []declaration) {
	for _, mime := range slices.Sorted(maps.Keys(content)) {
		if mime != "application/json" {
			g.refuse(where, "only application/json is supported, not %s", mime)
		}
	}
	media := content["application/json"]
	if media == nil || media.Schema == nil {
		return "", nil
	}
	return g.spell(name, where, media.Schema)
}

func (g *generator) respond(o operation, where, code string, r *openapi3.Response) (s status, inner []declaration) {
	s = status{Code: code, Name: cases[code], Doc: code + "."}
	if r.Description != nil && *r.Description != "" {
		s.Doc = code + ": " + strings.TrimSpace(*r.Description)
	}
	if strings.ContainsAny(code, "Xx") {
		g.refuse(where, "list each status; a range is not supported")
	}
	if s.Name == "" {
		s.Name = "http" + code
	}
	s.Body, inner = g.content(o.Type+upper(s.Name)+"Body", where, r.Content)
	for _, wire := range slices.Sorted(maps.Keys(r.Headers)) {
		h := r.Headers[wire].Value
		if !h.Required || slices.Contains(plumbing, wire) {
			continue
		}
		if isCompound(h.Schema.Value) {
			g.refuse(where, "header %s must be a single value", wire)
			continue
		}
		swift, _ := g.spell("", where, h.Schema)
		s.Headers = append(s.Headers, field{Name: lower(wire), Wire: wire, Type: swift})
	}
	return s, inner
}
