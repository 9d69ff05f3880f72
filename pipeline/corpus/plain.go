package corpus

import (
	"context"
	"iter"

	"fragua/pipeline/extract"
	"fragua/pipeline/records"
)

// Text reads plain files, one document each, as they are: only the encoding and
// the line ends are put right.
type Text struct {
	wholeFile `yaml:",inline"`
	Encoding  string `yaml:"encoding" doc:"What the files are said to be in: latin1, windows-1252 or another."`
}

// NewText returns a Text with its defaults.
func NewText() *Text {
	return &Text{wholeFile: wholeFile{Raw: Raw{kind: "text", extensions: []string{".txt"}}, MaxBytes: 256 << 20, kinds: []records.Kind{records.KindText, records.KindPiece}}}
}

// Read yields each file as a document.
func (s *Text) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return s.each(ctx, part, func(name string, b []byte) ([]*Document, error) {
		text, encoding, err := extract.Decode(b, s.Encoding)
		if err != nil {
			return nil, err
		}
		d := NewDocument(s.Name(), name, 0)
		d.Text, d.Metadata = extract.Lines(text), metadata{"encoding": encoding}.String()
		return []*Document{d}, nil
	})
}
