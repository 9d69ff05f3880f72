package corpus

import (
	"fmt"
	"slices"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
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

func (c *Columns) check() []fault.Fault {
	if c.Text == "" {
		return missing("text", "text names no column", "text: text")
	}
	return nil
}

// names lists the columns that documents are made of.
func (c *Columns) names() []string {
	all := []string{c.Text, c.ID, c.URL, c.Title, c.Author, c.Date, c.Language, c.License}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// document makes a document of a record.
func (c *Columns) document(source, path string, r records.Record) (*Document, error) {
	used := map[string]bool{c.Text: true}
	column := func(name string) string {
		v, _ := r.Lookup(name)
		s, ok := records.String(v)
		if ok {
			used[name] = true
		}
		return s
	}
	text, err := r.Text(c.Text)
	if err != nil {
		return nil, err
	}
	d := NewDocument(source, path, r.Offset)
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
		for k, v := range r.Fields {
			if !used[k] {
				rest[k] = v
			}
		}
		d.Metadata = rest.String()
	}
	return d, nil
}
