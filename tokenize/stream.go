package tokenize

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

// streamSize is how much of a stream is encoded at once.
const streamSize = 4 << 20

// EncodeReader encodes a text that need not fit into memory, and hands the ids
// on in parts, which are only lent. They are those of the whole text: it is
// divided only behind a word, where every built-in pattern cuts anyway. A word is
// held in memory whole however long it is, and so is any text for a tokenizer
// that normalizes, cuts otherwise, or looks for added tokens that are not special.
func (t *Tokenizer) EncodeReader(r io.Reader, emit func(ids []int32) error) error {
	return t.encodeBlocks(r, streamSize, emit)
}

// encodeBlocks is EncodeReader in blocks of size bytes, or more where no word ends.
func (t *Tokenizer) encodeBlocks(r io.Reader, size int, emit func(ids []int32) error) error {
	divide := t.fast != nil && t.plain.empty()
	block := make([]byte, 0, size)
	var ids []int32
	for {
		n, err := io.ReadFull(r, block[len(block):cap(block)])
		block = block[:len(block)+n]
		end := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return err
		}
		cut := len(block)
		if !end {
			cut = 0
			if divide {
				cut = lastWord(block)
			}
		}
		if cut > 0 {
			if ids, err = t.AppendIDs(ids[:0], string(block[:cut])); err != nil {
				return err
			}
			if err := emit(ids); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
		block = block[:copy(block, block[cut:])]
		if 2*len(block) > cap(block) {
			block = slices.Grow(block, cap(block))
		}
	}
}

// EncodeOptions say what EncodeJSON makes of its input.
type EncodeOptions struct {
	Unit     Unit // line: an array for each line, without its "\n"; doc: one for all
	Special  bool // special tokens in the text get their ids; for trusted text only
	Template bool // with what the tokenizer puts around a text
	Reject   bool // bytes that are not UTF-8 are an error
}

// EncodeJSON writes a JSON array of ids for each line that it reads, or one for
// the whole input. Without options neither a line nor the input need fit into
// memory; see EncodeReader.
func (t *Tokenizer) EncodeJSON(w io.Writer, r io.Reader, o EncodeOptions) error {
	out := bufio.NewWriterSize(w, 1<<16)
	in := bufio.NewReaderSize(r, 1<<20)
	whole := o.Special || o.Template || o.Reject
	encode := t.AppendIDs
	if o.Special {
		encode = t.AppendIDsSpecial
	}
	var ids []int32
	var buf []byte
	array := func(text []byte, row int64) error {
		if o.Reject {
			if err := validText(string(text), row); err != nil {
				return err
			}
		}
		var err error
		if ids, err = encode(ids[:0], string(text)); err != nil {
			return fmt.Errorf("line %d: %w", row+1, err)
		}
		with := ids
		if o.Template {
			with = t.WithTemplate(ids)
		}
		buf = append(appendNumbers(append(buf[:0], '['), with), "]\n"...)
		_, err = out.Write(buf)
		return err
	}
	inParts := func(r io.Reader) error {
		before := byte('[')
		err := t.EncodeReader(r, func(ids []int32) error {
			if len(ids) == 0 {
				return nil
			}
			buf = appendNumbers(append(buf[:0], before), ids)
			before = ','
			_, err := out.Write(buf)
			return err
		})
		if err == nil && before == '[' {
			err = out.WriteByte('[')
		}
		if err == nil {
			_, err = out.WriteString("]\n")
		}
		return err
	}
	if o.Unit == UnitDoc {
		err := error(nil)
		if whole {
			var text []byte
			if text, err = io.ReadAll(in); err == nil {
				err = array(text, 0)
			}
		} else {
			err = inParts(in)
		}
		if err != nil {
			return err
		}
		return out.Flush()
	}
	for row := int64(0); ; row++ {
		line, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long := &longLine{in: in, part: line}
			if !whole {
				err = inParts(long)
			} else if line, err = io.ReadAll(long); err == nil {
				err = array(line, row)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF && len(line) == 0 {
			return out.Flush()
		}
		if err := array(bytes.TrimSuffix(line, []byte("\n")), row); err != nil {
			return err
		}
	}
}

// A longLine reads a line that is longer than the buffer of its reader, without
// the line end.
type longLine struct {
	in   *bufio.Reader
	part []byte // not yet read, lent by in
	last bool   // no more parts follow
}

func (l *longLine) Read(p []byte) (int, error) {
	if len(l.part) == 0 {
		if l.last {
			return 0, io.EOF
		}
		part, err := l.in.ReadSlice('\n')
		switch err {
		case nil:
			part = part[:len(part)-1]
			l.last = true
		case io.EOF:
			l.last = true
		case bufio.ErrBufferFull:
		default:
			return 0, err
		}
		l.part = part
	}
	n := copy(p, l.part)
	l.part = l.part[n:]
	return n, nil
}

// appendNumbers appends ids with commas between.
func appendNumbers(buf []byte, ids []int32) []byte {
	for i, id := range ids {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = strconv.AppendInt(buf, int64(id), 10)
	}
	return buf
}

// validText returns an error that names the first byte that is not UTF-8.
func validText(text string, row int64) error {
	for i := 0; i < len(text); {
		r, w := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && w == 1 {
			return fault.Hintf(fmt.Errorf("line %d: text is not UTF-8 (byte 0x%02X at %d)", row+1, text[i], i), "convert it, or let such bytes be encoded one by one")
		}
		i += w
	}
	return nil
}

// DecodeJSON reads arrays of ids, one after the other, and writes the text of
// each, a line end behind it. Special tokens are written if special is set.
func (t *Tokenizer) DecodeJSON(w io.Writer, r io.Reader, special bool) error {
	out := bufio.NewWriterSize(w, 1<<16)
	dec := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	for n := 1; ; n++ {
		var ids []int32
		if err := dec.Decode(&ids); err == io.EOF {
			return out.Flush()
		} else if err != nil {
			return fault.Hintf(fmt.Errorf("array %d: %w", n, err), "each line is a JSON array of ids, as encode writes it")
		}
		for _, id := range ids {
			if _, ok := t.Token(id); !ok {
				return fault.Hintf(fmt.Errorf("array %d: there is no token with the id %d", n, id), "the ids were made with another tokenizer")
			}
		}
		text := t.Decode
		if special {
			text = t.DecodeAll
		}
		out.WriteString(text(ids))
		out.WriteByte('\n')
	}
}
