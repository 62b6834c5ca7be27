package outbox

import (
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	text "text/template"

	"golang.org/x/text/language"
)

//go:embed templates
var embedded embed.FS

// shipped are the languages that we ship; the first is for readers of none of them.
var shipped = []string{"en", "de"}

// templates are how messages look: a text for each kind and language, which also fills a
// page, the same for all. An operator's directory may hold other ones of each, a page for
// one kind (de/login_code.html), and other languages.
type templates struct {
	texts     map[string]*text.Template // "en/login_code"
	pages     map[string]*html.Template // the same, where a kind has a page of its own
	layout    *html.Template
	languages []string // in the matcher's order
	matcher   language.Matcher
	prefix    string
	links     map[string]string
	autofill  autofill
}

const (
	layoutFile = "layout.html"
)

// partials are parts of several templates, one of each in every language: {{template "device" .}}
// says when and where it happened, {{template "undo" .}} what to do if it was not the user.
var partials = []string{"device", "undo"}

// templateFiles are ours, and the operator's, which come first.
type templateFiles struct{ ours, operators fs.FS }

// read returns a file of the operator's, or ours.
func (f templateFiles) read(name string) (string, error) {
	if f.operators != nil {
		content, err := fs.ReadFile(f.operators, name)
		if err == nil {
			return string(content), nil
		}

		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}

	content, err := fs.ReadFile(f.ours, name)

	return string(content), err
}

// readTemplates reads the built-in templates and those of dir, if it is not empty. It renders each of those once,
// so that a mistake is reported at the start, not when a user waits for a code.
func readTemplates(dir, prefix string, links map[string]string) (*templates, error) {
	t := &templates{
		texts: map[string]*text.Template{}, pages: map[string]*html.Template{}, prefix: prefix, links: links, languages: slices.Clone(shipped),
	}
	files := templateFiles{}

	files.ours, _ = fs.Sub(embedded, "templates")
	if dir != "" {
		if _, err := os.Stat(dir); err != nil { // the errors below name no folder
			return nil, fmt.Errorf("LATCHKEY_TEMPLATES_DIR: %w", err)
		}

		files.operators = os.DirFS(dir)
		if err := t.lookAround(files.operators); err != nil {
			return nil, fmt.Errorf("LATCHKEY_TEMPLATES_DIR: %w", err)
		}
	}

	if err := t.readAll(files); err != nil {
		return nil, fmt.Errorf("LATCHKEY_TEMPLATES_DIR: %w", err)
	}

	return t, nil
}

// lookAround adds the operator's languages, and refuses files that nothing would read: a
// misspelt name would have no effect.
func (t *templates) lookAround(files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil { // then d may be nil
			return err
		}

		hidden := strings.HasPrefix(d.Name(), ".") && name != "."
		switch {
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden || name == "." || name == layoutFile:
			return nil
		case d.IsDir():
			if _, err := language.Parse(name); err != nil {
				return fmt.Errorf("%s: is the name of no language", name)
			}

			if !slices.Contains(t.languages, name) {
				t.languages = append(t.languages, name)
			}

			return nil
		}

		kind, extension, _ := strings.Cut(d.Name(), ".")
		known := slices.Contains(kinds, Kind(kind)) && (extension == "txt" || extension == "html" && !Kind(kind).isText())

		partial := extension == "txt" && slices.Contains(partials, kind)
		if path.Dir(name) == "." || !known && !partial {
			return fmt.Errorf("%s: is the name of no template", name)
		}

		return nil
	})
}

func (t *templates) readAll(files templateFiles) error {
	content, err := files.read(layoutFile)
	if err != nil {
		return err
	}

	if t.layout, err = html.New(layoutFile).Parse(content); err != nil {
		return err
	}

	tags := make([]language.Tag, len(t.languages))
	for i, name := range t.languages {
		tags[i] = language.Make(name)
		for _, kind := range kinds {
			if err := t.read(files, name, kind); err != nil {
				return err
			}

			if files.operators == nil {
				continue // ours are tried by TestRender_oursShowWhatTheyCarry, and need not hold up every start
			}

			if err := t.try(name, kind); err != nil {
				return fmt.Errorf("%s/%s: %w", name, kind, err)
			}
		}
	}

	t.matcher = language.NewMatcher(tags)

	return nil
}

// read parses the templates of one kind in one language.
func (t *templates) read(files templateFiles, language string, kind Kind) error {
	name := language + "/" + string(kind)

	content, err := files.read(name + ".txt")
	if err != nil {
		return fmt.Errorf("%s.txt: %w", name, err)
	}

	if t.texts[name], err = text.New(name + ".txt").Parse(content); err != nil {
		return err
	}

	for _, partial := range partials {
		content, err := files.read(language + "/" + partial + ".txt")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}

		if err != nil {
			return err
		}

		if _, err := t.texts[name].New(partial).Parse(content); err != nil {
			return fmt.Errorf("%s/%s.txt: %w", language, partial, err)
		}
	}

	content, err = files.read(name + ".html")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	if err != nil {
		return err
	}

	t.pages[name], err = html.New(name + ".html").Parse(content)

	return err
}

// try renders a template once with all that it can show, and once with as little as it
// can get.
func (t *templates) try(language string, kind Kind) error {
	full := view{
		To: "to", Code: "sample-code", Link: "https://sample-link", SignupLink: "https://sign-up", ResetLink: "https://reset",
		Address: "address", Platform: "platform", Time: "time", Date: "date",
		UndoLink: "https://undo", UndoUntil: "until",
	}
	for _, v := range []view{full, {Code: full.Code, Link: full.Link}} {
		l, err := t.fill(language, kind, v)
		if err != nil {
			return err
		}

		if kind.carriesCode() && !strings.Contains(l.text, v.Code) {
			return errors.New("does not show {{.Code}}")
		}

		if kind.carriesLink() != "" && !strings.Contains(l.text, v.Link) {
			return errors.New("does not show {{.Link}}")
		}

		if kind.carriesUndo() && !strings.Contains(l.text, v.UndoLink) {
			return errors.New("does not show {{.UndoLink}}")
		}
	}

	return nil
}
