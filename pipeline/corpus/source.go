package corpus

import (
	"context"
	"errors"
	"iter"
	"strings"

	"fragua/pipeline/records"
)

// A Source finds raw files, divides them into Parts, and reads a Part as
// documents. What a Part yields depends on its files alone; all Parts together
// yield the same documents, in the same order, whatever the size asked for.
type Source interface {
	// Name is the `source` column of its documents.
	Name() string
	// Steps are for its documents alone, after those of the stage.
	Steps() []StepChoice
	// Files lists what it reads, sorted by name. It returns an error with the
	// pattern if nothing matches.
	Files() ([]File, error)
	// Parts divides the files into Parts of about size bytes.
	Parts(ctx context.Context, size int64) ([]Part, error)
	// Read yields a Part's documents. A *Failure stands for one record that could
	// not be read, a *Skipped for one that is no document, and reading goes on; any
	// other error ends it.
	Read(context.Context, Part) iter.Seq2[*Document, error]

	raw() *Raw // which files it reads
}

// A File is one raw file of a source.
type File = records.File

// A Part is what one task reads: ranges of files, in order.
type Part []Range

// A Range is a piece of a file.
type Range struct {
	File string `json:"file"` // File.Name
	records.Range
}

// Bytes returns about how many bytes of disk the part stands for.
func (p Part) Bytes() (n int64) {
	for _, r := range p {
		n += r.Size
	}
	return n
}

// A Skipped is a record that was read and is not to become a document: a revisit
// of a web archive, a page without text. It stands among the rejects.
type Skipped struct {
	Document *Document
	Drop     Drop
}

func (s *Skipped) Error() string { return strings.TrimSpace(s.Drop.Rule + " " + s.Drop.Note) }

// A Failure is a record, or the rest of a file, that could not be read.
type Failure = records.Failure

// sources is THE table of sources: what may stand in `sources:`. Of several that
// read files of one extension, the first is the one for a file at hand.
var sources = []struct {
	name string
	new  func() Source
}{
	{"html", func() Source { return NewHTML() }},
	{"warc", func() Source { return NewWARC() }},
	{"books", func() Source { return NewBooks() }},
	{"epub", func() Source { return NewEPUB() }},
	{"tei", func() Source { return NewTEI() }},
	{"docx", func() Source { return NewDOCX() }},
	{"pdf", func() Source { return NewPDF() }},
	{"markdown", func() Source { return NewMarkdown() }},
	{"zip", func() Source { return NewZip() }},
	{"wiki", func() Source { return NewWiki() }},
	{"text", func() Source { return NewText() }},
	{"jsonl", func() Source { return NewJSONL() }},
	{"csv", func() Source { return NewCSV() }},
	{"parquet", func() Source { return NewParquet() }},
	{"arrow", func() Source { return NewArrow() }},
}

// sourcesOf lists the sources that search a folder for files of a name's
// extension.
func sourcesOf(name string) (list []Source) {
	for _, entry := range sources {
		if s := entry.new(); s.raw().reads(name) {
			list = append(list, s)
		}
	}
	return list
}

// A SourceChoice is an entry of `sources:`, such as `books: {path: "books/*.txt"}`.
type SourceChoice struct {
	name   string
	source Source
}

// Variants returns the table of sources.
func (c *SourceChoice) Variants() map[string]func() any {
	table := map[string]func() any{}
	for _, entry := range sources {
		table[entry.name] = func() any { return entry.new() }
	}
	return table
}

// Choose takes an entry of the table.
func (c *SourceChoice) Choose(name string, settings any) {
	c.name, c.source = name, settings.(Source)
}

// Chosen returns what was chosen.
func (c *SourceChoice) Chosen() (string, any) { return c.name, c.source }

// pack divides files that are read whole into Parts of about size bytes.
func pack(ranges []Range, size int64) (parts []Part) {
	var part Part
	var n int64
	for _, r := range ranges {
		if n > 0 && n+r.Size > size {
			parts = append(parts, part)
			part, n = nil, 0
		}
		part = append(part, r)
		n += r.Size
	}
	if part != nil {
		parts = append(parts, part)
	}
	return parts
}

// wholeFiles makes a Range of each file.
func wholeFiles(files []File) []Range {
	ranges := make([]Range, len(files))
	for i, f := range files {
		ranges[i] = Range{f.Name, records.Range{To: f.Size, Size: f.Size}}
	}
	return ranges
}

// goesOn reports whether reading goes on after an error, with the next record or
// file.
func goesOn(err error) bool {
	return errors.As(err, new(*Failure)) || errors.As(err, new(*Skipped))
}

// divide makes Parts of files as their format divides them.
func divide(ctx context.Context, raw *Raw, format interface {
	Divide(context.Context, File, int64) ([]records.Range, error)
}, size int64) ([]Part, error) {
	files, err := raw.Files()
	if err != nil {
		return nil, err
	}
	var ranges []Range
	for _, f := range files {
		some, err := format.Divide(ctx, f, size)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			ranges = append(ranges, Range{f.Name, r})
		}
	}
	return pack(ranges, size), nil
}
