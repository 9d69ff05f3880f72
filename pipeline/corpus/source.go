package corpus

import (
	"context"
	"fmt"
	"iter"

	"fragua/pipeline"
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
	// not be read, and reading goes on; any other error ends it.
	Read(context.Context, Part) iter.Seq2[*Document, error]
}

// A File is one raw file of a source.
type File struct {
	pipeline.RawFile       // Name is relative to the source's root
	Size             int64 // in bytes, as it lies on disk
}

// A Part is what one task reads: ranges of files, in order.
type Part []Range

// A Range is a piece of a file, half open. From and To are bytes for JSONL, row
// groups for Parquet; what cannot be divided is read whole: From 0, To Size.
type Range struct {
	File string `json:"file"` // File.Name
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Size int64  `json:"size"` // about how many bytes of disk it stands for
}

// Bytes returns about how many bytes of disk the part stands for.
func (p Part) Bytes() (n int64) {
	for _, r := range p {
		n += r.Size
	}
	return n
}

// A Failure is a record, or the rest of a file, that could not be read.
type Failure struct {
	Path   string
	Offset int64
	Err    error
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: offset %d: %v", f.Path, f.Offset, f.Err) }
func (f *Failure) Unwrap() error { return f.Err }

// sources is THE table of sources: what may stand in `sources:`.
var sources = map[string]func() any{
	"books":   func() any { return NewBooks() },
	"html":    func() any { return NewHTML() },
	"text":    func() any { return NewText() },
	"jsonl":   func() any { return NewJSONL() },
	"csv":     func() any { return NewCSV() },
	"parquet": func() any { return NewParquet() },
}

// A SourceChoice is an entry of `sources:`, such as `books: {path: "books/*.txt"}`.
type SourceChoice struct {
	name   string
	source Source
}

// Variants returns the table of sources.
func (c *SourceChoice) Variants() map[string]func() any { return sources }

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
		ranges[i] = Range{File: f.Name, To: f.Size, Size: f.Size}
	}
	return ranges
}
