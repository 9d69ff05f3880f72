package records

import (
	"bytes"
	"context"
	"io"
	"iter"
	"unicode/utf8"
)

// Text is plain text, in pieces: a file no longer than Max is one piece, a longer
// one is cut at the first paragraph, or else line, or else word, that begins at or
// behind each multiple of Max.
type Text struct {
	Max int64 // bytes of a piece, about; at least 8, so that no place to cut lies behind the next multiple
}

// window is how far behind a multiple of Max a place to cut is looked for.
func (t Text) window() int { return int(min(1<<20, t.Max/2+1)) }

// Divide divides a long file that is not packed by its pieces.
func (t Text) Divide(_ context.Context, f File, size int64) ([]Range, error) {
	if f.Size <= t.Max || Compressed(f.Name) {
		return []Range{whole(f)}, nil
	}
	if wide, err := isWide(f.Path); wide || err != nil {
		return []Range{whole(f)}, err
	}
	step := max(1, size/t.Max) * t.Max
	var ranges []Range
	for from := int64(0); from < f.Size; from += step {
		to := min(from+step, f.Size)
		ranges = append(ranges, Range{From: from, To: to, Size: to - from})
	}
	return ranges, nil
}

// A Piece is a piece of a text file, decoded.
type Piece struct {
	Offset   int64 // of the unpacked file
	Text     string
	Encoding string // that the bytes turned out to be in
}

// Read yields the pieces that begin in a range. decode makes text of bytes; head is
// the beginning of the file.
func (t Text) Read(ctx context.Context, f File, r Range, decode func(piece, head []byte) (text, encoding string, err error)) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		in, err := Open(ctx, f.Path)
		if err != nil {
			yield(Piece{}, lost(f, 0, 0, err))
			return
		}
		defer in.Close()
		p := pieces{Text: t, in: in, file: f}
		head, _ := in.r.Peek(headSize) // whoever reads on meets the error
		p.head = bytes.Clone(head)
		if in.packed {
			r.To = 1 << 62
		}
		if err := p.start(r.From); err != nil {
			yield(Piece{}, lost(f, r.From, 0, err))
			return
		}
		for p.at < r.To || p.at == 0 {
			if ctx.Err() != nil {
				yield(Piece{}, context.Cause(ctx))
				return
			}
			begin := p.at
			b, err := p.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Piece{}, lost(f, begin, 0, in.cause(err)))
				return
			}
			piece := Piece{Offset: begin}
			if piece.Text, piece.Encoding, err = decode(b, p.head); err != nil {
				err = &Failure{File: f.Name, Offset: begin, Err: err}
			}
			if !yield(piece, err) {
				return
			}
		}
	}
}

// pieces reads a text piece by piece.
type pieces struct {
	Text
	in   *Input
	file File
	head []byte
	at   int64  // offset of the next piece
	buf  []byte // what was read from there on
	end  bool   // nothing is left to read
}

// start goes to the first piece that begins at or behind an offset, which is a
// multiple of Max.
func (p *pieces) start(from int64) error {
	if from == 0 || p.in.packed {
		return nil
	}
	p.in.seek(from)
	p.at = from
	if err := p.fill(p.window()); err != nil {
		return err
	}
	n := cutPlace(p.buf, p.window())
	p.buf, p.at = p.buf[n:], p.at+int64(n)
	return nil
}

// fill reads until the buffer holds n bytes, or the file ends.
func (p *pieces) fill(n int) error {
	if p.end || len(p.buf) >= n {
		return nil
	}
	b := make([]byte, n)
	have := copy(b, p.buf)
	m, err := io.ReadFull(p.in.r, b[have:])
	p.buf = b[:have+m]
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		p.end, err = true, nil
	}
	return err
}

// next returns the next piece; io.EOF after the last.
func (p *pieces) next() ([]byte, error) {
	limit := (p.at/p.Max + 1) * p.Max // the multiple behind which the next one begins
	want := int(limit-p.at) + p.window()
	if err := p.fill(want); err != nil {
		return nil, err
	}
	if len(p.buf) == 0 {
		if p.at == 0 {
			p.at = 1
			return nil, nil // an empty file is an empty piece
		}
		return nil, io.EOF
	}
	n := len(p.buf)
	if at := int(limit - p.at); n > at {
		n = at + cutPlace(p.buf[at:], p.window())
	}
	piece := p.buf[:n:n]
	p.buf, p.at = p.buf[n:], p.at+int64(n)
	return piece, nil
}

// cutPlace returns where in the first n bytes a paragraph begins, or else a line,
// or else a word, or else a character.
func cutPlace(b []byte, n int) int {
	b = b[:min(len(b), n)]
	for at := 0; ; { // a blank line
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		rest := bytes.TrimLeft(b[at:], " \t\r")
		if len(rest) > 0 && rest[0] == '\n' {
			after := bytes.TrimLeft(rest, "\n\r \t")
			if len(after) > 0 {
				return len(b) - len(after)
			}
		}
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	if i := bytes.IndexAny(b, " \t"); i >= 0 {
		return i + 1
	}
	for i, c := range b {
		if utf8.RuneStart(c) {
			return i
		}
	}
	return 0
}
