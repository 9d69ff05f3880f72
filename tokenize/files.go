package tokenize

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"fragua/pipeline"
)

// Files says what to learn from outside a run.
type Files struct {
	Paths    []string          // text, .jsonl or .ndjson, .parquet; each may end in .gz or .zst as well, Parquet apart; "-" is Stdin, as text
	Stdin    io.Reader         // what "-" reads
	Column   string            // of JSON lines; "" means text. Parquet's is always text
	Workers  int               // at least 1; the result does not depend on it
	Reject   bool              // bytes that are not UTF-8 are an error, not pieces of their own
	Progress pipeline.Progress // may be nil
}

// parts reads the files, one after the other.
func (f Files) parts(ctx context.Context, unit Unit, emit func(textPart) error) error {
	for _, path := range f.Paths {
		if err := f.file(ctx, path, unit, emit); err != nil {
			return err
		}
	}
	return nil
}

func (f Files) file(ctx context.Context, path string, unit Unit, emit func(textPart) error) error {
	batch := textPart{name: path}
	add := func(text, _ string) error {
		batch.texts = append(batch.texts, text)
		if batch.size += len(text); batch.size < partSize {
			return ctx.Err()
		}
		full := batch
		batch = textPart{name: path}
		return emit(full)
	}
	if err := f.rows(path, unit == UnitLine, add); err != nil {
		return err
	}
	if len(batch.texts) == 0 {
		return nil
	}
	return emit(batch)
}

// Texts calls each with every text and its language, where the file says it: a
// line or the whole of a text file, a row of JSON lines or Parquet.
func (f Files) Texts(unit Unit, each func(text, language string) error) error {
	for _, path := range f.Paths {
		err := f.rows(path, unit == UnitLine, func(text, language string) error {
			if unit == UnitDoc {
				return each(text, language)
			}
			for line := range strings.Lines(text) {
				if err := each(line, language); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rows reads one file. A text file comes in blocks of whole lines, if lines may
// be taken apart.
func (f Files) rows(path string, apart bool, add func(text, language string) error) error {
	name := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
	if strings.HasSuffix(name, ".parquet") {
		for row, err := range pipeline.ReadShard[documentRow](path) {
			if err == nil {
				err = add(row.Text, row.Language)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	r, err := f.open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"):
		err = jsonLines(r, f.Column, add)
	case apart:
		err = lineBlocks(r, add)
	default:
		var text []byte
		if text, err = io.ReadAll(r); err == nil && len(text) > 0 {
			err = add(string(text), "")
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// open opens a file, decompressing by its name.
func (f Files) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		if f.Stdin == nil {
			return nil, errors.New("there is no standard input to read")
		}
		return io.NopCloser(f.Stdin), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(path, ".gz"):
		z, err := gzip.NewReader(file)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return opened{z, file}, nil
	case strings.HasSuffix(path, ".zst"):
		z, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return opened{z.IOReadCloser(), file}, nil
	}
	return file, nil
}

// opened closes the file below a decompressor, too.
type opened struct {
	io.ReadCloser
	file *os.File
}

func (o opened) Close() error { return errors.Join(o.ReadCloser.Close(), o.file.Close()) }

// lineBlocks yields blocks of whole lines. A line that is longer than a block
// makes the block longer.
func lineBlocks(r io.Reader, add func(text, language string) error) error {
	var rest []byte
	for {
		block := make([]byte, len(rest), max(partSize, 2*len(rest)))
		copy(block, rest)
		n, err := io.ReadFull(r, block[len(rest):cap(block)])
		block = block[:len(rest)+n]
		end := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return err
		}
		cut := len(block)
		if !end {
			cut = bytes.LastIndexByte(block, '\n') + 1
		}
		if cut > 0 {
			if err := add(string(block[:cut]), ""); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
		rest = block[cut:]
	}
}

// jsonLines yields a field of each line, and the field language if there is one.
func jsonLines(r io.Reader, column string, add func(text, language string) error) error {
	if column == "" {
		column = "text"
	}
	b := bufio.NewReaderSize(r, 1<<20)
	for n := int64(0); ; n++ {
		line, err := b.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			var row map[string]json.RawMessage
			var text string
			if err := json.Unmarshal(line, &row); err != nil {
				return fmt.Errorf("line %d: %w", n+1, err)
			}
			raw, ok := row[column]
			if !ok {
				return pipeline.Hintf(fmt.Errorf("line %d has no field %q", n+1, column), "name the field that holds the text")
			}
			if err := json.Unmarshal(raw, &text); err != nil {
				return fmt.Errorf("line %d: field %q: %w", n+1, column, err)
			}
			var language string
			_ = json.Unmarshal(row["language"], &language) // whatever else it is, it is no language
			if err := add(text, language); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}
