package tokenize

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"fragua/pipeline"
)

// streamSize is how much of a stream is encoded at once.
const streamSize = 4 << 20

// EncodeReader encodes a text that need not fit into memory, and hands the ids
// on in parts, which are only lent. They are those of the whole text: it is
// divided only at a line end between two words, where every built-in pattern
// cuts anyway. A text without such places, and any text for a tokenizer that
// normalizes or cuts otherwise, is held in memory whole.
func (t *Tokenizer) EncodeReader(r io.Reader, emit func(ids []int32) error) error {
	var rest []byte
	var ids []int32
	divide := t.fast != nil && t.plain.empty()
	for {
		block := make([]byte, len(rest), len(rest)+max(streamSize, len(rest)))
		copy(block, rest)
		n, err := io.ReadFull(r, block[len(rest):cap(block)])
		block = block[:len(rest)+n]
		end := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !end {
			return err
		}
		cut := len(block)
		if !end {
			cut = 0
			if divide {
				cut = lastBreak(block)
			}
		}
		if cut > 0 {
			ids = t.AppendIDs(ids[:0], string(block[:cut]))
			if err := emit(ids); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
		rest = block[cut:]
	}
}

// lastBreak returns the last place where the text may be divided: behind a line
// end that stands between two ASCII letters or digits. There GPT-2's pattern has
// a piece "\n", and the others end theirs with the line.
func lastBreak(b []byte) int {
	plain := func(c byte) bool { return (c|0x20)-'a' < 26 || c-'0' < 10 }
	for end := len(b); ; {
		k := bytes.LastIndexByte(b[:end], '\n')
		if k <= 0 {
			return 0
		}
		if k+1 < len(b) && plain(b[k-1]) && plain(b[k+1]) {
			return k + 1
		}
		end = k
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
// the whole input.
func (t *Tokenizer) EncodeJSON(w io.Writer, r io.Reader, o EncodeOptions) error {
	out := bufio.NewWriterSize(w, 1<<16)
	encode := t.AppendIDs
	if o.Special {
		encode = t.AppendIDsSpecial
	}
	var buf []byte
	array := func(ids []int32) error {
		buf = append(buf[:0], '[')
		buf = append(appendNumbers(buf, ids), "]\n"...)
		_, err := out.Write(buf)
		return err
	}
	if o.Unit == UnitDoc {
		if o.Special || o.Template || o.Reject {
			text, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			if o.Reject {
				if err := validText(string(text), 0); err != nil {
					return err
				}
			}
			ids := encode(nil, string(text))
			if o.Template {
				ids = t.WithTemplate(ids)
			}
			if err := array(ids); err != nil {
				return err
			}
			return out.Flush()
		}
		first := true
		out.WriteByte('[')
		err := t.EncodeReader(r, func(ids []int32) error {
			buf = buf[:0]
			if !first && len(ids) > 0 {
				buf = append(buf, ',')
			}
			first = first && len(ids) == 0
			_, err := out.Write(appendNumbers(buf, ids))
			return err
		})
		if err != nil {
			return err
		}
		out.WriteString("]\n")
		return out.Flush()
	}
	in := bufio.NewReaderSize(r, 1<<20)
	var ids []int32
	for row := int64(0); ; row++ {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		last := err == io.EOF
		if last && len(line) == 0 {
			return out.Flush()
		}
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		if o.Reject {
			if err := validText(text, row); err != nil {
				return err
			}
		}
		ids = encode(ids[:0], text)
		with := ids
		if o.Template {
			with = t.WithTemplate(ids)
		}
		if err := array(with); err != nil {
			return err
		}
		if last {
			return out.Flush()
		}
	}
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
			return pipeline.Hintf(fmt.Errorf("line %d: text is not UTF-8 (byte 0x%02X at %d)", row+1, text[i], i), "convert it, or let such bytes be encoded one by one")
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
			return pipeline.Hintf(fmt.Errorf("array %d: %w", n, err), "each line is a JSON array of ids, as encode writes it")
		}
		for _, id := range ids {
			if _, ok := t.Token(id); !ok {
				return pipeline.Hintf(fmt.Errorf("array %d: there is no token with the id %d", n, id), "the ids were made with another tokenizer")
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
