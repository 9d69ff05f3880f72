package corpus

import (
	"context"
	"errors"
	"iter"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// A wholeFile reads files of which each is one record, held in memory.
type wholeFile struct {
	Raw      `yaml:",inline"`
	MaxBytes int64 `yaml:"max_bytes" doc:"The size, unpacked, from which a file is refused rather than read into memory."`
	Passages int   `yaml:"passages" doc:"Documents longer than this many words are cut, between paragraphs, into passages of about that length; 0: never."`

	kinds []records.Kind // that it reads; the first stands in messages
}

// brokenParts are the parts of a file that could not be read, beside those that
// could.
type brokenParts []error

func (b brokenParts) Error() string { return errors.Join(b...).Error() }

// Check finds what types cannot show.
func (w *wholeFile) Check() []fault.Fault { return w.check() }

func (w *wholeFile) check() []fault.Fault {
	return append(w.Raw.check(), checkPassages(w.Passages)...)
}

func checkPassages(words int) []fault.Fault {
	if words < 0 {
		return missing("passages", "a passage cannot have fewer than 0 words", "0 leaves documents whole; 400 makes passages of a page")
	}
	return nil
}

// Parts packs small files together.
func (w *wholeFile) Parts(_ context.Context, size int64) ([]Part, error) {
	files, err := w.Files()
	return pack(wholeFiles(files), size), err
}

// each reads the files of a part, and hands their content to make.
func (w *wholeFile) each(ctx context.Context, part Part, make func(name string, b []byte) ([]*Document, error)) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			if ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			f := w.file(r)
			b, err := records.ReadFile(ctx, f, w.MaxBytes)
			if err == nil && len(b) > 0 {
				err = refuse(f, records.Sniff(b), w.kinds)
			}
			if err != nil {
				if !yield(nil, err) || !goesOn(err) {
					return
				}
				continue
			}
			docs, err := make(r.File, b)
			var broken brokenParts
			if err != nil && !errors.As(err, &broken) {
				if ctx.Err() != nil {
					yield(nil, context.Cause(ctx))
					return
				}
				if !yield(nil, &Failure{File: r.File, Err: err}) {
					return
				}
				continue
			}
			for i, d := range passages(docs, w.Passages) {
				d.More = i > 0
				if !yield(d, nil) {
					return
				}
			}
			for i, err := range broken {
				d := NewDocument(w.Name(), r.File, int64(-1-i)) // chapters count from 0
				if !yield(nil, &Skipped{d, Drop{Rule: w.kind + ".broken", Note: err.Error()}}) {
					return
				}
			}
		}
	}
}
