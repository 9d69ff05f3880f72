package tokenize

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// Files says what to learn from outside a run.
type Files struct {
	Paths   []string  // text, .jsonl or .ndjson, .parquet; each may end in .gz or .zst as well, Parquet apart; "-" is Stdin, as text
	Stdin   io.Reader // what "-" reads
	Column  string    // of JSON lines; "" means text. Parquet's is always text
	Workers int       // at least 1; the result does not depend on it
	Reject  bool      // bytes that are not UTF-8 are an error, not pieces of their own

	// Phase is called when a phase begins, and returns who is told how far it is:
	// "count" goes through the bytes of the files, "learn" through the tokens. It
	// may be nil.
	Phase func(name string) pipeline.Progress

	progress pipeline.Progress // of the phase under way, or nil
}

// partSize is how much text is counted at once: as much as fits the cache of a
// processor.
const partSize = 1 << 20

// A textPart is whole lines, or whole documents.
type textPart struct {
	name  string
	texts [][]byte
	size  int
	block []byte // what fresh gave, to be used again; nil: nothing
}

// parts yields the files' texts, one after the other. A text file may be divided
// where apart says, which returns the last place in a block, or 0; nil: nowhere.
// fresh returns a block to read into, empty and of that capacity or more.
func (f Files) parts(apart func(block []byte) int, fresh func(size int) []byte) iter.Seq2[textPart, error] {
	return func(yield func(textPart, error) bool) {
		stop := errors.New("")
		for _, path := range f.Paths {
			part := textPart{name: path}
			err := f.rows(path, apart, fresh, func(text []byte, _ string) error {
				part.texts = append(part.texts, text)
				if apart != nil && isText(path) {
					part.block = text
				}
				if part.size += len(text); part.size < partSize {
					return nil
				}
				full := part
				part = textPart{name: path}
				if !yield(full, nil) {
					return stop
				}
				return nil
			})
			if errors.Is(err, stop) {
				return
			}
			if err != nil {
				yield(textPart{}, err)
				return
			}
			if len(part.texts) > 0 && !yield(part, nil) {
				return
			}
		}
	}
}

// Texts calls each with every text and its language, where the file says it: a
// line or the whole of a text file, a row of JSON lines or Parquet.
func (f Files) Texts(unit Unit, each func(text, language string) error) error {
	var apart func([]byte) int
	if unit == UnitLine {
		apart = lastLine
	}
	fresh := func(size int) []byte { return make([]byte, 0, size) }
	for _, path := range f.Paths {
		err := f.rows(path, apart, fresh, func(text []byte, language string) error {
			if unit == UnitDoc {
				return each(string(text), language)
			}
			for line := range strings.Lines(string(text)) {
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

// rows reads one file; see parts for apart and fresh. What add gets it may keep.
func (f Files) rows(path string, apart func([]byte) int, fresh func(int) []byte, add func(text []byte, language string) error) error {
	name := unpacked(path)
	if strings.HasSuffix(name, ".parquet") {
		for row, err := range shard.Read[documentRow](path) {
			if err == nil {
				err = add(asBytes(row.Text), row.Language)
			}
			if err != nil {
				return err
			}
		}
		if info, err := os.Stat(path); err == nil {
			f.advance(info.Size())
		}
		return nil
	}
	r, err := f.open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case !isText(path):
		err = jsonLines(r, f.Column, add)
	case apart != nil:
		err = textBlocks(r, apart, fresh, add)
	default:
		var text []byte
		if text, err = io.ReadAll(r); err == nil && len(text) > 0 {
			err = add(text, "")
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// unpacked is a file's name without what says how it is compressed.
func unpacked(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
}

// isText says whether a file has no rows.
func isText(path string) bool {
	switch filepath.Ext(unpacked(path)) {
	case ".parquet", ".jsonl", ".ndjson":
		return false
	}
	return true
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
	in := reading{file, f}
	switch {
	case strings.HasSuffix(path, ".gz"):
		z, err := gzip.NewReader(in)
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return opened{z, file}, nil
	case strings.HasSuffix(path, ".zst"):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return opened{z.IOReadCloser(), file}, nil
	}
	return in, nil
}

// reading tells how much of a file is read.
type reading struct {
	*os.File
	f Files
}

func (r reading) Read(b []byte) (int, error) {
	n, err := r.File.Read(b)
	r.f.advance(int64(n))
	return n, err
}

func (f Files) advance(n int64) {
	if f.progress != nil {
		f.progress.Advance(n)
	}
}

// opened closes the file below a decompressor, too.
type opened struct {
	io.ReadCloser
	file *os.File
}

func (o opened) Close() error { return errors.Join(o.ReadCloser.Close(), o.file.Close()) }

// textBlocks yields a text in blocks that end where apart says. Where it finds no
// place the block becomes longer.
func textBlocks(r io.Reader, apart func([]byte) int, fresh func(int) []byte, add func(text []byte, language string) error) error {
	var rest []byte
	for {
		block := append(fresh(max(partSize, 2*len(rest))), rest...)
		n, err := io.ReadFull(r, block[len(rest):cap(block)])
		block = block[:len(rest)+n]
		end := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return err
		}
		cut := len(block)
		if !end {
			cut = apart(block)
		}
		rest = append(rest[:0], block[cut:]...)
		if cut > 0 {
			if err := add(block[:cut], ""); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
	}
}

// lastLine returns where the last whole line of a block ends.
func lastLine(block []byte) int { return bytes.LastIndexByte(block, '\n') + 1 }

// lastWord returns the last place in a block where a word ends and every built-in
// pattern cuts, whatever stands around: between a letter or number and what is
// neither, nor a mark, nor an apostrophe; 0 if there is none.
//
// No piece goes across such a place, for in all of the patterns what may follow a
// letter or number within a piece is a letter, a number, a mark or a suffix like
// 's. And the end of the text, which the first part then has there, changes
// nothing: the patterns ask for it only behind white space. What begins behind a
// place never depends on what is before it.
func lastWord(block []byte) int {
	for k := len(block) - utf8.UTFMax; k > 0; k-- {
		if next, _ := classAt(block, k); isLetter(next) || next == number || next == mark || block[k] == '\'' {
			continue
		}
		r, w := utf8.DecodeLastRune(block[:k])
		if r == utf8.RuneError && w == 1 {
			continue
		}
		if before := runeClass(r); isLetter(before) || before == number {
			return k
		}
	}
	return 0
}

// jsonLines yields a field of each line, and the field language if there is one.
func jsonLines(r io.Reader, column string, add func(text []byte, language string) error) error {
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
				return fault.Hintf(fmt.Errorf("line %d has no field %q", n+1, column), "name the field that holds the text")
			}
			if err := json.Unmarshal(raw, &text); err != nil {
				return fmt.Errorf("line %d: field %q: %w", n+1, column, err)
			}
			var language string
			_ = json.Unmarshal(row["language"], &language) // whatever else it is, it is no language
			if err := add(asBytes(text), language); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}
