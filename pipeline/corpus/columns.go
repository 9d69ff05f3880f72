package corpus

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/extract"
)

// Columns says which column, or key, of a record becomes which column of a
// document. Those that a record lacks stay empty, apart from the text. A dot
// goes into a JSON object: meta.url.
type Columns struct {
	Text     string `yaml:"text" doc:"The column with the text."`
	ID       string `yaml:"id" doc:"A column that identifies the record, in place of its offset; its value must be unique in the file."`
	URL      string `yaml:"url" doc:"The column with the address."`
	Title    string `yaml:"title" doc:"The column with the title."`
	Author   string `yaml:"author" doc:"The column with the author."`
	Date     string `yaml:"date" doc:"The column with the date."`
	Language string `yaml:"language" doc:"The column with the language."`
	License  string `yaml:"license" doc:"The column with the license."`
	Rest     bool   `yaml:"metadata" doc:"Keep the other columns in the column metadata, as JSON."`
}

func defaultColumns() Columns {
	return Columns{Text: "text", URL: "url", Title: "title", Author: "author", Date: "date", Language: "language", License: "license", Rest: true}
}

func (c *Columns) check() []pipeline.Fault {
	if c.Text == "" {
		return missing("text", "text names no column", "text: text")
	}
	return nil
}

// document makes a document of a record. order lists the record's keys, for the
// error. Strings are put right if they are not UTF-8.
func (c *Columns) document(source, path string, offset int64, record map[string]any, order []string) (*Document, error) {
	used := map[string]bool{}
	column := func(name string) string {
		if name == "" {
			return ""
		}
		v, ok := lookup(record, name)
		if !ok || v == nil {
			return ""
		}
		switch v.(type) {
		case map[string]any, []any:
			return ""
		}
		used[name] = true
		s, ok := v.(string)
		if !ok {
			s = fmt.Sprint(v)
		}
		return s
	}
	v, ok := lookup(record, c.Text)
	text, isString := v.(string)
	switch {
	case !ok:
		return nil, fmt.Errorf("no column %q; there are %s", c.Text, pipeline.Listed(order))
	case !isString:
		return nil, fmt.Errorf("column %q is no text but %s", c.Text, kindOf(v))
	}
	used[c.Text] = true
	d := NewDocument(source, path, offset)
	if c.ID != "" {
		id := column(c.ID)
		if id == "" {
			return nil, fmt.Errorf("no value in column %q, which should identify the record", c.ID)
		}
		d.ID = recordID(source, path, id)
	}
	d.Text = text
	d.URL, d.Title, d.Author, d.Date = column(c.URL), column(c.Title), column(c.Author), column(c.Date)
	d.Language, d.License = column(c.Language), column(c.License)
	if c.Rest {
		rest := metadata{}
		for k, v := range record {
			if !used[k] {
				rest[k] = v
			}
		}
		d.Metadata = rest.String()
	}
	return d, nil
}

// kindOf names what a value of a record is.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// lookup finds a key, or a path of keys.
func lookup(record map[string]any, name string) (any, bool) {
	if v, ok := record[name]; ok {
		return v, true
	}
	head, tail, dotted := strings.Cut(name, ".")
	if inner, ok := record[head].(map[string]any); dotted && ok {
		return lookup(inner, tail)
	}
	return nil, false
}

// errNotText is wrapped by failures of records in an unknown encoding.
var errNotText = errors.New("neither UTF-8 nor another encoding that we know")

// asUTF8 decodes a record that is not UTF-8.
func asUTF8(b []byte) ([]byte, error) {
	text, _, err := extract.Decode(b, "")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errNotText, err)
	}
	return []byte(text), nil
}

// sortedKeys lists the keys of a record.
func sortedKeys(record map[string]any) []string {
	keys := make([]string, 0, len(record))
	for k := range record {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
