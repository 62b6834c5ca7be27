package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Environment is the settings as text, by name.
type Environment map[string]string

// FromProcess is the environment of this process.
func FromProcess() Environment {
	env := Environment{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}

	return env
}

// Error is everything that is wrong with the settings.
type Error struct{ Problems []error }

// Error lists the problems, one a line.
func (e *Error) Error() string { return errors.Join(e.Problems...).Error() }

// Add adds problems with settings that none is known of yet.
func (e *Error) Add(problems ...error) {
	for _, p := range problems {
		name, _, _ := strings.Cut(p.Error(), ":")
		if !strings.Contains(e.Error(), name) {
			e.Problems = append(e.Problems, p)
		}
	}
}

// Read reads the settings from an environment. It reports all mistakes together, as an *Error, and returns a
// warning for every name that looks like a setting of ours or allauth's and is unknown. No message contains the
// value of a secret.
func Read(env Environment) (Config, []string, error) {
	var c Config
	var problems []error

	known := map[string]bool{}
	for _, name := range translated {
		known[name] = true
	}

	given := translate(env)

	env, problems = given.env, given.problems
	for _, f := range fields(&c) {
		known[f.Name] = true
		if f.Secret != "" {
			known[f.Name+"_FILE"] = true
		}

		if err := f.read(env); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f.Name, err))
			_ = f.set(f.Default) // so that the others can still be checked
		}
	}

	problems = append(problems, c.check()...)
	c.derive()

	warnings := slices.Concat(unknown(env, known), given.warnings, openSecretFiles(fields(&c), env), c.warnings())
	if len(problems) > 0 {
		return c, warnings, &Error{problems}
	}

	return c, warnings, nil
}

// Field is one setting.
type Field struct {
	Section, Name, Default, Doc string
	// Secret is empty, "true", "key" for a private key, or "url" for an address that may hold a
	// password. Secrets are also read from the file that NAME_FILE names.
	Secret string
	// Min and Max bound a number; empty for none.
	Min, Max string

	value reflect.Value
}

// Fields lists every setting of c, in the order of its sections.
func Fields(c *Config) []Field { return fields(c) }

func fields(c *Config) []Field {
	var list []Field

	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		section := sections.Field(i)
		for j := range section.NumField() {
			tag := section.Type().Field(j).Tag
			list = append(list, Field{
				Section: sections.Type().Field(i).Tag.Get("section"), Name: tag.Get("env"), Default: tag.Get("default"),
				Doc: tag.Get("doc"), Secret: tag.Get("secret"), Min: tag.Get("min"), Max: tag.Get("max"), value: section.Field(j),
			})
		}
	}

	return list
}

// read sets the field from the environment, its file, or its default.
func (f Field) read(env Environment) error {
	text, set := env[f.Name]
	if file := env[f.Name+"_FILE"]; f.Secret != "" && file != "" {
		if set && text != "" {
			return fmt.Errorf("is set as well as %s_FILE: set one of them", f.Name)
		}

		content, err := f.readSecretFile(file)
		if err != nil {
			return fmt.Errorf("%s_FILE %w%s", f.Name, err, shownPath(file))
		}

		text = content
	} else if !set || text == "" {
		text = f.Default
	}

	return f.set(strings.TrimSpace(text))
}

// shownPath is the path of a file for a message. It is empty where the folder does not exist: then the
// setting may hold the secret itself.
func shownPath(file string) string {
	folder := filepath.Dir(file)
	if info, err := os.Stat(folder); folder == "." || err != nil || !info.IsDir() {
		return ""
	}

	return " (" + file + ")"
}

func (f Field) set(text string) error {
	switch f.value.Kind() {
	case reflect.String:
		f.value.SetString(text)
	case reflect.Bool:
		b, err := parseBool(text)
		if err != nil {
			return err
		}

		f.value.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		lowest, _ := strconv.Atoi(f.Min)

		highest, _ := strconv.Atoi(f.Max)
		if err != nil || n < lowest || n > highest {
			return fmt.Errorf("want a whole number from %s to %s", f.Min, f.Max)
		}

		f.value.SetInt(int64(n))
	case reflect.Slice:
		f.value.Set(reflect.ValueOf(parseList(text)))
	default:
		return fmt.Errorf("a setting cannot be a %s", f.value.Kind())
	}

	return nil
}

// parseBool takes Python's spelling too: settings are copied from Django.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "1", "yes", "on":
		return true, nil
	case "false", "0", "no", "off":
		return false, nil
	}

	return false, errors.New("want true or false")
}

// parseList takes "a,b" as well as the Python and JSON forms ['a', 'b'] and {"a"}.
func parseList(text string) []string {
	list := []string{}
	for _, item := range strings.Split(strings.Trim(text, "[]{}() "), ",") {
		if item = strings.Trim(item, ` '"`); item != "" {
			list = append(list, item)
		}
	}

	return list
}

// Text is the effective value as `latchkey config` shows it: secrets masked.
func (f Field) Text() string {
	if f.Secret != "" && !f.value.IsZero() {
		return "********"
	}

	switch v := f.value.Interface().(type) {
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// Value is the effective value; of a secret what Text shows.
func (f Field) Value() any {
	if f.Secret != "" {
		return f.Text()
	}

	return f.value.Interface()
}

// IsChanged reports whether the setting has another value than its default.
func (f Field) IsChanged() bool {
	standard := f.Default
	if f.value.Kind() == reflect.Slice {
		standard = strings.Join(parseList(f.Default), ",")
	}

	return f.Text() != standard
}

// prefixes are those of allauth's settings and of ours.
var prefixes = []string{"LATCHKEY_", "ACCOUNT_", "HEADLESS_", "ALLAUTH_", "MFA_", "SOCIALACCOUNT_", "USERSESSIONS_", "OTEL_EXPORTER_OTLP_TRACES_"}

// elsewhere are names with such a prefix that are no settings of the server: those of
// the tests.
var elsewhere = []string{"LATCHKEY_TEST_DATABASE_URL"}

func unknown(env Environment, known map[string]bool) []string {
	var warnings []string
	for name := range env {
		ours := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if ours && !known[name] && !slices.Contains(elsewhere, name) {
			warnings = append(warnings, name+" is not a setting of Latchkey and has no effect")
		}
	}

	slices.Sort(warnings)

	return warnings
}
