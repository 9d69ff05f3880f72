package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"strings"
	"unicode/utf8"

	"fragua/pipeline"
)

// JSONL reads JSON Lines: one object a line, plain, .gz, .zst or .xz. Plain
// files are read in parts of their bytes.
type JSONL struct {
	Raw      `yaml:",inline"`
	Columns  `yaml:",inline"`
	MaxBytes int64 `yaml:"max_record_bytes" doc:"The length of a line from which it is rejected."`
}

// NewJSONL returns a JSONL with its defaults.
func NewJSONL() *JSONL {
	return &JSONL{Raw: Raw{kind: "jsonl", extensions: []string{".jsonl", ".ndjson", ".json"}}, Columns: defaultColumns(), MaxBytes: 64 << 20}
}

// Check finds what types cannot show.
func (s *JSONL) Check() []pipeline.Fault { return append(s.Raw.check(), s.Columns.check()...) }

// Parts divides plain files by bytes.
func (s *JSONL) Parts(_ context.Context, size int64) ([]Part, error) {
	files, err := s.Files()
	return splitLines(files, size), err
}

// Read yields each line as a document.
func (s *JSONL) Read(ctx context.Context, part Part) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, r := range part {
			f := lineFile{s.locate(r.File), r.File, compressions[lastExtension(r.File)], s.MaxBytes}
			goOn := true
			f.each(r, func(offset int64, line []byte, err error) bool {
				switch {
				case ctx.Err() != nil:
					err = context.Cause(ctx)
				case err == nil && len(bytes.TrimSpace(line)) == 0:
					return true
				}
				if err != nil {
					goOn = yield(nil, err) && isFailure(err)
					return goOn
				}
				d, err := s.document(r.File, offset, line)
				if err != nil {
					d, err = nil, &Failure{r.File, offset, err}
				}
				goOn = yield(d, err)
				return goOn
			})
			if !goOn {
				return
			}
		}
	}
}

func (s *JSONL) document(name string, offset int64, line []byte) (*Document, error) {
	if !utf8.Valid(line) {
		var err error
		if line, err = asUTF8(line); err != nil {
			return nil, err
		}
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	if rest := bytes.TrimSpace(line[decoder.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("more than one JSON value on the line, at byte %d of it", decoder.InputOffset())
	}
	record, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no JSON object but %s", kindOf(value))
	}
	return s.Columns.document(s.Name(), name, offset, record, sortedKeys(record))
}

func lastExtension(name string) string { return strings.ToLower(path.Ext(name)) }
