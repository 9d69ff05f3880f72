package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// Text reads plain files as they are: only the encoding and the line ends are put
// right. A file is a document; a very long one is several.
type Text struct {
	Raw      `yaml:",inline"`
	Encoding string `yaml:"encoding" doc:"What the files are said to be in, such as latin1 or windows-1252."`
	MaxBytes int64  `yaml:"max_bytes" doc:"The size of a document, in bytes of its file: a longer file is cut between paragraphs, or else lines, into documents of about that size."`
	Passages int    `yaml:"passages" doc:"Documents longer than this many words are cut, between paragraphs, into passages of about that length; 0: never."`

	kinds []records.Kind
}

// NewText returns a Text with its defaults.
func NewText() *Text {
	return &Text{Raw: Raw{kind: "text", extensions: []string{".txt"}}, MaxBytes: 16 << 20, kinds: []records.Kind{records.KindText, records.KindPiece}}
}

// Check finds what types cannot show.
func (s *Text) Check() []fault.Fault {
	faults := append(s.Raw.check(), checkPassages(s.Passages)...)
	if s.MaxBytes < 1<<10 {
		faults = append(faults, missing("max_bytes", "max_bytes must be at least 1024", "leave it out for 16 MB")...)
	}
	return faults
}

// Parts divides long files.
func (s *Text) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, records.Text{Max: s.MaxBytes}, size)
}

// Read yields each file as a document, or as several.
func (s *Text) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			f := s.file(r)
			if err := refuseFile(ctx, f, s.kinds); err != nil {
				if !goesOn(err) || r.From == 0 { // reported once a file
					if !yield(nil, err) || !goesOn(err) {
						return
					}
				}
				continue
			}
			for piece, err := range (records.Text{Max: s.MaxBytes}).Read(ctx, f, r.Range, s.decode) {
				if err != nil {
					if !yield(nil, err) || !goesOn(err) {
						return
					}
					continue
				}
				d := NewDocument(s.Name(), r.File, piece.Offset)
				d.Text, d.Metadata = extract.Lines(piece.Text), metadata{"encoding": piece.Encoding}.String()
				for i, d := range passages([]*Document{d}, s.Passages) {
					d.More = i > 0 || piece.Offset > 0
					if !yield(d, nil) {
						return
					}
				}
			}
		}
	}
}

// decode makes text of a piece of a file. A piece that is not UTF-8 is in what the
// file is said to be in, or else in what its beginning is in.
func (s *Text) decode(piece, head []byte) (text, encoding string, err error) {
	declared := s.Encoding
	if declared == "" && len(piece) > len(head) {
		if _, name, err := extract.Decode(head, ""); err == nil && name != "utf-8" {
			declared = name
		}
	}
	return extract.Decode(piece, declared)
}
