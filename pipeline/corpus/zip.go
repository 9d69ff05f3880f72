package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"

	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// Zip reads the plain texts and web pages in zip archives, each a document, or a
// book. Members of other kinds are skipped, with their kind.
type Zip struct {
	Raw      `yaml:",inline"`
	Pages    `yaml:",inline"`
	Books    bool  `yaml:"books" doc:"Read each member as the source books reads a file: what Project Gutenberg added goes, lines are joined, and chapters are documents."`
	MaxBytes int64 `yaml:"max_bytes" doc:"The size of a member, unpacked, from which it is rejected."`
}

// NewZip returns a Zip with its defaults.
func NewZip() *Zip {
	return &Zip{Raw: Raw{kind: "zip", extensions: []string{".zip"}}, Pages: defaultPages(), MaxBytes: 64 << 20}
}

// Check finds what types cannot show.
func (s *Zip) Check() []fault.Fault { return append(s.Raw.check(), s.Pages.check()...) }

// Parts divides archives by members.
func (s *Zip) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, records.Zip{Max: s.MaxBytes}, size)
}

// Read yields each text.
func (s *Zip) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			for m, err := range (records.Zip{Max: s.MaxBytes}).Read(ctx, s.file(r), r.Range) {
				var docs []*Document
				d := s.member(r.File, m, 0)
				if bad := (*Failure)(nil); errors.As(err, &bad) && bad.Lost == nil {
					err = &Skipped{d, Drop{Rule: "zip.broken", Note: bad.Err.Error()}}
				} else if err == nil && m.Body == nil && m.Kind != records.KindText {
					err = &Skipped{d, Drop{Rule: "zip.type", Note: m.Name + " is " + string(m.Kind)}}
				}
				if err == nil {
					if docs, err = s.documents(ctx, r.File, m); err != nil && ctx.Err() == nil {
						err = &Failure{File: r.File, Offset: m.Index, Err: err}
					}
				}
				if err != nil && (!yield(nil, err) || !goesOn(err)) {
					return
				}
				for i, d := range docs {
					d.More = i > 0
					if !yield(d, nil) {
						return
					}
				}
			}
		}
	}
}

// member returns a document of a member, or of a chapter of it.
func (s *Zip) member(name string, m records.Member, chapter int) *Document {
	d := NewDocument(s.Name(), name, m.Index)
	d.ID = recordID(s.Name(), name, strconv.FormatInt(m.Index, 10)+" "+strconv.Itoa(chapter))
	d.Metadata = metadata{"member": m.Name}.String()
	return d
}

func (s *Zip) documents(ctx context.Context, name string, m records.Member) ([]*Document, error) {
	d := s.member(name, m, 0)
	meta := metadata{"member": m.Name}
	if s.Books {
		docs, err := NewBooks().book(ctx, m.Name, m.Body)
		for i, c := range docs {
			c.ID = s.member(name, m, i).ID
			c.Source, c.Path, c.Offset = d.Source, d.Path, d.Offset
			c.Metadata = withMember(c.Metadata, m.Name)
		}
		return docs, err
	}
	if m.Kind != records.KindText {
		return []*Document{d}, s.page(ctx, m.Body, d, meta)
	}
	text, encoding, err := extract.Decode(m.Body, "")
	if err != nil {
		return nil, err
	}
	meta["encoding"] = encoding
	d.Text, d.Metadata = extract.Lines(text), meta.String()
	return []*Document{d}, nil
}

// withMember adds the name of a member to metadata.
func withMember(text, name string) string {
	meta := metadata{}
	if text != "" && json.Unmarshal([]byte(text), &meta) != nil {
		return text
	}
	meta["member"] = name
	return meta.String()
}
