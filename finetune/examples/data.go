package examples

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
)

// Data is one source of labelled rows: a setting with one key that says how
// its files are laid out.
//
//	{table: {path: "reviews/*.csv"}}                     columns as the stage's text, label, source, target say
//	{classes: {files: {pos: rt.pos, neg: rt.neg}}}       a file a class, a text a line
//	{folders: {path: movie_reviews}}                     a folder a class, a text a file
//	{lines: {source: corpus.en, target: corpus.es}}      two files side by side, a sentence a line
//	{grammar: {path: grammar.yaml, pairs: 5000}}         synthetic pairs (see Grammar), English to Spanish
//	{phrases: {path: phrases.yaml, pairs: 5000}}         sentences of a phrase book, its gaps filled
//	{tmx: {path: memory.tmx, source: en, target: es}}    translation memories
//	{po: {path: "po/*.po"}}                              messages of gettext
//	{chats: {path: chats.jsonl}}                         conversations: messages, ShareGPT, Alpaca
//
// Any of them takes `split: train`, `validation` or `test` where the split is given, `weight`, and
// pairs take `tag`.
type Data struct {
	name string
	rows layout
}

// A layout knows its files and how rows are read from them.
type layout interface {
	// files lists them in the order in which rows are numbered; what the rows of
	// a file have in common (a class, the file beside it) goes with it.
	files() ([]dataFile, error)
	read(f dataFile, cols columns) iter.Seq2[record, error]
	given() Given
	check(cols columns) []fault.Fault
}

type dataFile struct {
	name  string // relative, with slashes
	path  string
	class string
	whole bool   // the file is one text
	other string // path of the target side
}

// Variants, Choose and Chosen make Data a setting with one key.
func (d *Data) Variants() map[string]func() any {
	return map[string]func() any{
		"table":   func() any { return new(Table) },
		"classes": func() any { return new(Classes) },
		"folders": func() any { return new(Folders) },
		"lines":   func() any { return new(Lines) },
		"grammar": func() any { return &Synthetic{Pairs: 5000} },
		"phrases": func() any { return &Phrases{Pairs: 5000} },
		"tmx":     func() any { return new(TMX) },
		"po":      func() any { return new(PO) },
		"chats":   func() any { return new(Chats) },
	}
}

// Choose sets the layout.
func (d *Data) Choose(name string, settings any) {
	d.name = name
	d.rows, _ = settings.(layout)
}

// Chosen returns the layout.
func (d *Data) Chosen() (string, any) { return d.name, d.rows }

// Split says which split the rows of a source belong to, where the data come split.
type Split string

// Values lists the Splits.
func (Split) Values() []string { return []string{"", Train, Validation, Test} }

// Given is what is said of all rows of a source.
type Given struct {
	Split  Split   `yaml:"split" doc:"The split of all these rows, where the data come split."`
	Weight float64 `yaml:"weight" doc:"How often its training rows are written: 2 is twice, 0.5 every second one; 0: once."`
	Tag    string  `yaml:"tag" doc:"Of pairs: put before each source, such as >>es<<, which tells a model of several languages into which one it translates. Empty: nothing."`
}

func (g Given) given() Given { return g }

func (g Given) faults(pairs bool) (faults []fault.Fault) {
	if !(g.Weight >= 0 && g.Weight <= 1000) {
		faults = append(faults, fault.Fault{Path: "weight", Err: fmt.Sprintf("%v is not in 0 … 1000", g.Weight), Hint: "2 writes each training row twice"})
	}
	if g.Tag != "" && !pairs {
		faults = append(faults, fault.Fault{Path: "tag", Err: "a tag is for pairs", Hint: "leave it out"})
	}
	return faults
}

// Table is CSV, TSV, JSON-lines or Parquet files, known by their suffix.
type Table struct {
	Path  settings.Path `yaml:"path" doc:"File, folder or pattern: .csv, .tsv, .txt (tabs), .jsonl, .parquet; the text ones also .gz, .zst, .xz."`
	Given `yaml:",inline"`
}

func (t *Table) files() ([]dataFile, error) { return globFiles(t.Path, "") }
func (t *Table) read(f dataFile, cols columns) iter.Seq2[record, error] {
	return readTable(f.path, cols)
}

func (t *Table) check(cols columns) []fault.Fault {
	if cols.text == "" || cols.label == "" && cols.target == "" {
		return []fault.Fault{{Err: "a table needs to know its columns",
			Hint: "set text and label for classes, or source and target for pairs"}}
	}
	return nil
}

// Classes is one file for each class, a text a line.
type Classes struct {
	Files map[string]settings.Path `yaml:"files" doc:"Class to its file or pattern, a text a line."`
	Given `yaml:",inline"`
}

func (c *Classes) files() ([]dataFile, error) {
	var names []string
	for class := range c.Files {
		names = append(names, class)
	}
	sort.Strings(names)
	var all []dataFile
	for _, class := range names {
		fs, err := globFiles(c.Files[class], class)
		if err != nil {
			return nil, err
		}
		all = append(all, fs...)
	}
	return all, nil
}

func (c *Classes) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return readLines(f.path, "", func(text, _ string) record { return record{text: text, labels: []string{f.class}} })
}

func (c *Classes) check(columns) []fault.Fault {
	if len(c.Files) == 0 {
		return []fault.Fault{{Path: "files", Err: "names no file", Hint: "files: {positive: pos.txt, negative: neg.txt}"}}
	}
	return nil
}

// Folders is one folder for each class, a text a file.
type Folders struct {
	Path  settings.Path `yaml:"path" doc:"The folder that holds a folder for each class, a text a file."`
	Given `yaml:",inline"`
}

func (d *Folders) files() ([]dataFile, error) {
	fs, err := globFiles(settings.Path{Written: d.Path.Written + "/*/**", Abs: store.Join(d.Path.Abs, "*", "**")}, "")
	for i := range fs {
		fs[i].class, _, _ = strings.Cut(fs[i].name, "/")
		fs[i].whole = true
	}
	return fs, err
}

func (d *Folders) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		r, _, err := openText(f.path)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer r.Close()
		text, err := io.ReadAll(io.LimitReader(r, maxRow+1))
		if err != nil {
			yield(record{}, &fault.RowError{File: f.path, Row: -1, Err: err})
			return
		}
		rec := record{text: string(text), labels: []string{f.class}}
		if len(text) > maxRow {
			rec = record{err: errTooLong}
		}
		yield(rec, nil)
	}
}

func (d *Folders) check(columns) []fault.Fault { return nil }

// Lines is two files side by side: line n of one translates line n of the other.
type Lines struct {
	Source settings.Path `yaml:"source" doc:"File of the sentences, one a line."`
	Target settings.Path `yaml:"target" doc:"File of their translations, line by line."`
	Given  `yaml:",inline"`
}

func (l *Lines) files() ([]dataFile, error) {
	source, err := globFiles(l.Source, "")
	if err != nil {
		return nil, err
	}
	target, err := globFiles(l.Target, "")
	if err != nil {
		return nil, err
	}
	if len(source) != len(target) {
		return nil, fmt.Errorf("%s names %d files, %s names %d: they go side by side", l.Source.Written, len(source), l.Target.Written, len(target))
	}
	for i := range source {
		source[i].other = target[i].path
	}
	return source, nil
}

func (l *Lines) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return readLines(f.path, f.other, func(text, target string) record { return record{text: text, target: target} })
}

func (l *Lines) check(cols columns) []fault.Fault {
	if cols.label != "" {
		return []fault.Fault{{Path: "source", Err: "pairs have no labels", Hint: "leave out text and label"}}
	}
	return nil
}

// Synthetic is sentence pairs that a grammar makes. Pairs of the same verb, noun
// and adjective stay in one split, so that test is about combinations that
// training has not seen.
type Synthetic struct {
	Path  settings.Path `yaml:"path" doc:"The grammar."`
	Pairs int           `yaml:"pairs" doc:"How many different pairs it makes."`
	Seed  uint64        `yaml:"seed" doc:"Which of them."`
	Given `yaml:",inline"`
}

func (s *Synthetic) files() ([]dataFile, error) { return globFiles(s.Path, "") }

func (s *Synthetic) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		g, err := LoadGrammar(f.path)
		var pairs []GrammarPair
		if err == nil {
			pairs, err = g.Pairs(s.Pairs, s.Seed)
		}
		if err != nil {
			yield(record{}, err)
			return
		}
		for i, p := range pairs {
			if !yield(record{row: int64(i), text: p.English, target: p.Spanish, group: p.Combination}, nil) {
				return
			}
		}
	}
}

func (s *Synthetic) check(cols columns) []fault.Fault {
	if s.Pairs < 1 {
		return []fault.Fault{{Path: "pairs", Err: fmt.Sprintf("%d pairs", s.Pairs), Hint: "5000"}}
	}
	if cols.label != "" {
		return []fault.Fault{{Path: "path", Err: "pairs have no labels", Hint: "leave out text and label"}}
	}
	return nil
}

// readLines yields a record a line, of one file or of two that must have as
// many lines.
func readLines(name, other string, row func(text, target string) record) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		f, _, err := openText(name)
		if err != nil {
			yield(record{}, err)
			return
		}
		defer f.Close()
		a, b := bufio.NewReaderSize(f, 1<<16), (*bufio.Reader)(nil)
		if other != "" {
			g, _, err := openText(other)
			if err != nil {
				yield(record{}, err)
				return
			}
			defer g.Close()
			b = bufio.NewReaderSize(g, 1<<16)
		}
		for n := int64(0); ; n++ {
			text, tooLong, err := readLine(a)
			var target string
			if b != nil {
				line, long, err2 := readLine(b)
				if (err == io.EOF) != (err2 == io.EOF) {
					yield(record{}, fault.Hintf(fmt.Errorf("%s and %s do not have the same number of lines: one ends at %d", name, other, n),
						"line n of one must translate line n of the other"))
					return
				}
				target, tooLong, err = line, tooLong || long, errors.Join(noEOF(err), noEOF(err2))
				if err == nil && err2 == io.EOF {
					return
				}
			} else if err == io.EOF {
				return
			}
			if err != nil {
				yield(record{}, &fault.RowError{File: name, Row: n, Err: err})
				return
			}
			rec := row(text, target)
			if tooLong {
				rec.err = errTooLong
			}
			rec.row = n
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// globFiles lists the files of a pattern, sorted; a folder means the files in it.
func globFiles(p settings.Path, class string) ([]dataFile, error) {
	pattern := filepath.ToSlash(p.Abs)
	if info, err := store.Stat(p.Abs); err == nil && info.Dir {
		pattern += "/*"
	} else if err == nil {
		return []dataFile{{name: path.Base(pattern), path: p.Abs, class: class}}, nil
	}
	base, rest := doublestar.SplitPattern(pattern)
	base = filepath.FromSlash(base)
	found, err := store.Glob(context.Background(), base, rest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Written, err)
	}
	var files []dataFile
	for _, f := range found {
		if name := store.Rel(base, f.Name); !f.Special && !strings.HasPrefix(path.Base(name), ".") {
			files = append(files, dataFile{name: name, path: f.Name, class: class})
		}
	}
	if len(files) == 0 {
		return nil, fault.Hintf(fmt.Errorf("no file matches %s", p.Written), "looked in %s; relative paths start at the configuration's folder", filepath.FromSlash(base))
	}
	return files, nil
}
