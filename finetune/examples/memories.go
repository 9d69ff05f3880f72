package examples

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"fragua/finetune/document"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// TMX is translation memories: a pair of each unit that has both languages.
type TMX struct {
	Path   settings.Path `yaml:"path" doc:"File, folder or pattern: .tmx, also .gz, .zst, .xz."`
	Source string        `yaml:"source" doc:"Language to translate from, as the file names it; en means en-US too."`
	Target string        `yaml:"target" doc:"Language to translate into."`
	Given  `yaml:",inline"`
}

func (x *TMX) files() ([]dataFile, error) { return globFiles(x.Path, "") }

func (x *TMX) check(cols columns) (faults []fault.Fault) {
	if x.Source == "" || x.Target == "" {
		faults = append(faults, fault.Fault{Path: "source", Err: "a translation memory holds several languages", Hint: "source: en, target: es"})
	}
	return append(faults, noLabels(cols)...)
}

func noLabels(cols columns) []fault.Fault {
	if cols.label != "" {
		return []fault.Fault{{Path: "path", Err: "pairs have no labels", Hint: "leave out text and label"}}
	}
	return nil
}

// read walks through the units; of several variants of a language the first counts.
func (x *TMX) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		r, _, err := openText(f.path)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer r.Close()
		d := xml.NewDecoder(r)
		d.Strict = false
		d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
		row := int64(0)
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(record{}, &fault.RowError{File: f.path, Row: row, Err: err})
				return
			}
			start, ok := token.(xml.StartElement)
			if !ok || start.Name.Local != "tu" {
				continue
			}
			texts, err := unitTexts(d)
			if err != nil {
				yield(record{}, &fault.RowError{File: f.path, Row: row, Err: err})
				return
			}
			rec := record{row: row}
			for _, v := range texts {
				switch {
				case rec.text == "" && document.SameLanguage(v[0], x.Source):
					rec.text = v[1]
				case rec.target == "" && document.SameLanguage(v[0], x.Target):
					rec.target = v[1]
				}
			}
			row++
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// unitTexts reads a <tu> to its end: language and text of each variant. What ph, bpt, ept, it and
// ut hold is markup of the program that wrote the file, and no text.
func unitTexts(d *xml.Decoder) (texts [][2]string, err error) {
	language, inSeg, markup := "", false, 0
	var text strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("a unit does not end: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "tuv":
				for _, a := range t.Attr {
					if a.Name.Local == "lang" {
						language = a.Value
					}
				}
			case "seg":
				inSeg = true
				text.Reset()
			case "ph", "bpt", "ept", "it", "ut":
				markup++
			}
		case xml.EndElement:
			switch t.Name.Local {
			case "tu":
				return texts, nil
			case "seg":
				inSeg = false
				texts = append(texts, [2]string{language, text.String()})
			case "ph", "bpt", "ept", "it", "ut":
				markup--
			}
		case xml.CharData:
			if inSeg && markup == 0 {
				text.Write(t)
			}
		}
	}
}

// PO is gettext's messages: a pair of each that is translated, of plural forms one and many.
type PO struct {
	Path  settings.Path `yaml:"path" doc:"File, folder or pattern: .po, also .gz, .zst, .xz."`
	Given `yaml:",inline"`
}

func (p *PO) files() ([]dataFile, error)       { return globFiles(p.Path, "") }
func (p *PO) check(cols columns) []fault.Fault { return noLabels(cols) }

func (p *PO) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		r, _, err := openText(f.path)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer r.Close()
		content, err := io.ReadAll(io.LimitReader(r, mostPO+1))
		if err == nil && len(content) > mostPO {
			err = fmt.Errorf("it has more than %d MB", mostPO>>20)
		}
		var messages []document.Message
		if err == nil {
			messages, err = document.Messages(string(content))
		}
		if err != nil {
			yield(record{}, &fault.RowError{File: f.path, Row: -1, Err: err})
			return
		}
		for i, m := range messages {
			rec := record{row: int64(i), text: m.Source, target: m.Target}
			if m.Fuzzy {
				rec.drop = "fuzzy"
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// mostPO bounds a file of messages.
const mostPO = 256 << 20
