package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// JSONL is JSON Lines: one object a line. Empty lines are passed over.
type JSONL struct {
	Max int64 // bytes of a line
}

// Divide divides a file by bytes.
func (j JSONL) Divide(_ context.Context, f File, size int64) ([]Range, error) {
	return divideLines(f, size)
}

// Read yields the objects of a range.
func (j JSONL) Read(ctx context.Context, f File, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for line, err := range Lines(ctx, f, r, j.Max) {
			if err == nil && len(bytes.TrimSpace(line.Text)) == 0 {
				continue
			}
			record := Record{Offset: line.Offset, Line: line.Number}
			if err == nil {
				if record.Fields, err = object(line.Text); err != nil {
					err = &Failure{File: f.Name, Offset: line.Offset, Line: line.Number, Err: err}
				}
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// object decodes a line. Numbers stay as they are written.
func object(line []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		if len(bytes.TrimSpace(line)) == 1 && bytes.TrimSpace(line)[0] == '[' {
			return nil, errors.New("no JSON object: the file looks like one JSON array over many lines, which `jq -c '.[]'` turns into JSON Lines")
		}
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("more than one JSON value on the line, at byte %d of it", d.InputOffset())
	}
	fields, ok := value.(map[string]any)
	if !ok {
		if _, list := value.([]any); list {
			return nil, errors.New("no JSON object but a list; `jq -c '.[]'` makes JSON Lines of it")
		}
		return nil, fmt.Errorf("no JSON object but %s", KindOf(value))
	}
	return fields, nil
}
