package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// declare returns the declaration of a schema, followed by those of the schemas inside it
// that need a name.
func (g *generator) declare(name, where string, ref *openapi3.SchemaRef) []declaration {
	s := ref.Value
	d := declaration{Name: upper(name), Doc: s.Description, described: where}
	if d.Doc == "" {
		d.Doc = "`" + name + "` of the description."
	}
	var inner []declaration
	switch {
	case ref.Ref != "":
		d.Alias = named(ref.Ref)
	case isIdentifier(s):
		d.Identifier = true
	case len(s.OneOf) > 0:
		d.Tag, d.Variants = g.union(where, s)
	case len(s.Enum) > 1:
		d.Raw, d.Values = g.enumerate(where, s)
	case isStruct(s):
		d.Fields, inner = g.members(d.Name, where, ref)
	default:
		d.Alias, inner = g.spell(d.Name, where, ref)
	}
	return append([]declaration{d}, inner...)
}

func isStruct(s *openapi3.Schema) bool {
	return len(s.Properties) > 0 || len(s.AllOf) > 1 || len(s.AllOf) == 1 && !s.Nullable
}

// isIdentifier reports whether a value is an integer or a string, which Swift keeps as text.
func isIdentifier(s *openapi3.Schema) bool {
	if len(s.OneOf) != 2 {
		return false
	}
	number, text := s.OneOf[0], s.OneOf[1]

	return number.Ref == "" && number.Value.Type.Is("integer") && text.Ref == "" && text.Value.Type.Is("string")
}

func (g *generator) union(where string, s *openapi3.Schema) (string, []value) {
	if s.Discriminator == nil {
		g.refuse(where, "oneOf needs a discriminator with a full mapping")
		return "", nil
	}
	mapped := map[string]bool{}
	var variants []value
	for _, tag := range slices.Sorted(maps.Keys(s.Discriminator.Mapping)) {
		target := named(s.Discriminator.Mapping[tag].Ref)
		mapped[target] = true
		variants = append(variants, value{Name: lower(tag), Wire: tag, Type: target})
	}
	for _, variant := range s.OneOf {
		if variant.Ref == "" || !mapped[named(variant.Ref)] {
			g.refuse(where, "oneOf needs a discriminator with a full mapping; a variant is not in it")
		}
	}
	return s.Discriminator.PropertyName, variants
}

func (g *generator) enumerate(where string, s *openapi3.Schema) (raw string, values []value) {
	switch {
	case s.Type.Is("string"):
		for _, v := range s.Enum {
			values = append(values, value{Name: lower(fmt.Sprint(v)), Wire: strconv.Quote(fmt.Sprint(v))})
		}
		return "String", values
	case s.Type.Is("integer"):
		for _, v := range s.Enum {
			values = append(values, value{Name: lower("value " + strings.Replace(fmt.Sprint(v), "-", "minus ", 1)), Wire: fmt.Sprint(v)})
		}
		return "Int", values
	}
	g.refuse(where, "an enum must be of strings or integers")
	return "String", nil
}

// members returns the fields of a struct: those without a default first, else as described.
func (g *generator) members(owner, where string, ref *openapi3.SchemaRef) (fields []field, inner []declaration) {
	properties, required := g.flatten(owner, where, ref)
	for _, wire := range slices.SortedFunc(maps.Keys(properties), byLine(properties)) {
		p := properties[wire]
		swift, more := g.spell(owner+upper(wire), where+", member "+wire, p)
		inner = append(inner, more...)
		f := field{Name: lower(wire), Wire: wire, Type: swift, Doc: p.Value.Description}
		if f.Doc == "" {
			f.Doc = "`" + wire + "` of the description."
		}
		switch need := slices.Contains(required, wire); {
		case need && p.Value.Nullable:
			f.Type += "?"
		case need && p.Ref == "" && len(p.Value.Enum) == 1: // a tag
			f.Default = fmt.Sprint(p.Value.Enum[0])
			if swift == "String" {
				f.Default = strconv.Quote(f.Default)
			}
		case !need && p.Value.Nullable:
			f.Type, f.Default = "Nullable<"+swift+">?", "nil" // absent, null or a value
		case !need:
			f.Type, f.Default = swift+"?", "nil"
		}
		fields = append(fields, f)
	}
	slices.SortStableFunc(fields, func(a, b field) int { return min(len(a.Default), 1) - min(len(b.Default), 1) })
	return fields, inner
}

// byLine orders members as the description does, and by name where two share a line.
func byLine(properties openapi3.Schemas) func(a, b string) int {
	line := func(name string) int {
		p := properties[name]
		switch {
		case p.Ref == "" && p.Value.Origin != nil && p.Value.Origin.Key != nil:
			return p.Value.Origin.Key.Line
		case p.Origin != nil && p.Origin.Key != nil:
			return p.Origin.Key.Line
		}
		return 0
	}
	return func(a, b string) int { return cmp.Or(line(a)-line(b), strings.Compare(a, b)) }
}

// flatten merges the members of an allOf.
func (g *generator) flatten(owner, where string, ref *openapi3.SchemaRef) (openapi3.Schemas, []string) {
	properties, required := openapi3.Schemas{}, slices.Clone(ref.Value.Required)
	maps.Copy(properties, ref.Value.Properties)
	for _, part := range ref.Value.AllOf {
		if !isStruct(part.Value) {
			g.refuse(where, "allOf is only for objects with members")
		}
		theirs, needed := g.flatten(owner, where, part)
		for wire, p := range theirs {
			if ours, ok := properties[wire]; ok && !g.same(owner+upper(wire), where, ours, p) {
				g.refuse(where, "allOf: member %s is described in two ways", wire)
			}
		}
		maps.Copy(properties, theirs)
		required = append(required, needed...)
	}
	return properties, required
}

// same says whether two descriptions of a member are one in Swift.
func (g *generator) same(name, where string, a, b *openapi3.SchemaRef) bool {
	left, inner := g.spell(name, where, a)
	right, more := g.spell(name, where, b)
	return left == right && a.Value.Nullable == b.Value.Nullable && len(inner) == 0 && len(more) == 0
}

// spell returns the Swift type of a schema, and the declarations that it needs under name.
func (g *generator) spell(name, where string, ref *openapi3.SchemaRef) (string, []declaration) {
	s := ref.Value
	switch {
	case ref.Ref != "":
		return named(ref.Ref), nil
	case len(s.AnyOf) > 0, s.Not != nil:
		g.refuse(where, "anyOf and not are not supported")
		return "JSONValue", nil
	case len(s.AllOf) == 1 && len(s.Properties) == 0: // a $ref with a nullable beside it
		return g.spell(name, where, s.AllOf[0])
	case len(s.Enum) > 1, len(s.OneOf) > 0, isStruct(s):
		return name, g.declare(name, where, ref)
	case s.Type.Is("array"):
		item, inner := g.spell(name+"Item", where, s.Items)
		return "[" + item + optional(s.Items.Value) + "]", inner
	case s.Type.Is("object"):
		if s.AdditionalProperties.Schema == nil {
			return "[String: JSONValue]", nil
		}
		item, inner := g.spell(name+"Value", where, s.AdditionalProperties.Schema)
		return "[String: " + item + optional(s.AdditionalProperties.Schema.Value) + "]", inner
	}
	return g.scalar(where, s), nil
}

func optional(s *openapi3.Schema) string {
	if s.Nullable {
		return "?"
	}
	return ""
}

func (g *generator) scalar(where string, s *openapi3.Schema) string {
	switch {
	case s.Type.Is("string") && s.Format == "date-time":
		return "Date"
	case s.Type.Is("string") && (s.Format == "binary" || s.Format == "byte"):
		g.refuse(where, "bytes (format %s) are not supported", s.Format)
	case s.Type.Is("string"): // a uuid too: Foundation's UUID writes capitals
		return "String"
	case s.Type.Is("boolean"):
		return "Bool"
	case s.Type.Is("integer") && s.Format == "int64":
		return "Int64"
	case s.Type.Is("integer"):
		return "Int"
	case s.Type.Is("number"):
		return "Double"
	}
	return "JSONValue"
}
