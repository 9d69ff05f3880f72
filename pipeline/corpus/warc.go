package corpus

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// WARC reads web archives: the pages in WARC and ARC files, and the text in WET
// files. Requests, metadata and records about the archive itself are no documents.
type WARC struct {
	Raw       `yaml:",inline"`
	Pages     `yaml:",inline"`
	Truncated bool  `yaml:"truncated" doc:"Keep pages that the crawler cut off."`
	MaxBytes  int64 `yaml:"max_bytes" doc:"The size of a page, unpacked, from which it is rejected."`
}

// NewWARC returns a WARC with its defaults.
func NewWARC() *WARC {
	return &WARC{Raw: Raw{kind: "warc", extensions: []string{".warc", ".wet", ".arc"}}, Pages: defaultPages(), MaxBytes: 32 << 20}
}

// Check finds what types cannot show.
func (s *WARC) Check() []fault.Fault {
	faults := append(s.Raw.check(), s.Pages.check()...)
	if s.MaxBytes < 1 {
		faults = append(faults, missing("max_bytes", "max_bytes must be at least 1", "leave it out for 32 MB")...)
	}
	return faults
}

func (s *WARC) format() records.WARC { return records.WARC{Max: s.MaxBytes} }

// Parts divides files where records begin.
func (s *WARC) Parts(ctx context.Context, size int64) ([]Part, error) {
	return divide(ctx, &s.Raw, s.format(), size)
}

// Read yields each page as a document; of captures without text, why not.
func (s *WARC) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			for c, err := range s.format().Read(ctx, s.file(r), r.Range) {
				var d *Document
				if bad := (*Failure)(nil); errors.As(err, &bad) && bad.Lost == nil {
					err = &Skipped{NewDocument(s.Name(), r.File, bad.Offset), Drop{Rule: "warc.broken", Note: bad.Err.Error()}}
				}
				if err == nil {
					if d, err = s.document(ctx, r.File, &c); d == nil && err == nil {
						continue // no document, but about one
					}
				}
				if !yield(d, err) || err != nil && !goesOn(err) {
					return
				}
			}
		}
	}
}

// document makes a document of a capture; nil if it is none.
func (s *WARC) document(ctx context.Context, name string, c *records.Capture) (*Document, error) {
	d := NewDocument(s.Name(), name, c.Offset)
	if c.Nth > 0 { // the offset is that of others, too
		d.ID = recordID(d.Source, name, strconv.FormatInt(c.Offset, 10)+" "+strconv.Itoa(c.Nth))
	}
	d.URL, d.Language = c.URL, extract.LanguageCode(c.Language)
	meta := metadata{"crawled": c.Date, "truncated": c.Truncated}
	if c.WrongLength {
		meta["length"] = "wrong"
	}
	d.Metadata = meta.String()
	skip := func(rule, note string, value, limit float64) (*Document, error) {
		return nil, &Skipped{d, Drop{Rule: "warc." + rule, Note: note, Value: value, Limit: limit}}
	}
	switch c.Kind {
	case "response", "resource", "conversion":
	case "revisit":
		return skip("revisit", "the same as "+first(c.RefersTo, "an earlier capture"), 0, 0)
	default:
		return nil, nil
	}
	if c.Status != 0 && c.Status != 200 {
		return skip("status", "", float64(c.Status), 200)
	}
	page, text := isPage(c)
	if !page && !text {
		return skip("type", first(c.MIME, "unknown"), 0, 0)
	}
	if c.Truncated != "" && !s.Truncated {
		return skip("truncated", c.Truncated, 0, 0)
	}
	b := c.Body
	if text || c.Charset != "" {
		decoded, encoding, err := extract.Decode(b, c.Charset)
		if err != nil {
			return nil, s.failure(name, c, err)
		}
		meta["encoding"] = encoding
		if text {
			d.Text, d.Metadata = extract.Lines(decoded), meta.String()
			return d, nil
		}
		b = []byte(decoded)
	}
	if err := s.page(ctx, b, d, meta); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, s.failure(name, c, err)
	}
	return d, nil
}

func (s *WARC) failure(name string, c *records.Capture, err error) error {
	return &Failure{File: name, Offset: c.Offset, Err: err}
}

// isPage tells of a capture whether it is a web page, and whether it is plain
// text: by its type, or where that says nothing by its first bytes.
func isPage(c *records.Capture) (page, text bool) {
	switch c.MIME {
	case "text/html", "application/xhtml+xml", "application/xhtml":
		return true, false
	case "text/plain":
		return false, c.Kind == "conversion" || records.Sniff(c.Body) == records.KindText
	case "", "application/octet-stream", "unknown/unknown", "unk", "no-type":
		kind := records.Sniff(c.Body)
		return kind == records.KindHTML, kind == records.KindText && c.MIME != "application/octet-stream" && len(c.Body) > 0
	}
	return false, false
}
