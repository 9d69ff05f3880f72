package records

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// A gzipReader reads the members of a gzip file one after another. Zero bytes
// behind them, which tapes and some archivers leave, are passed over.
type gzipReader struct {
	raw   *bufio.Reader
	z     *gzip.Reader
	ended bool // the member
}

var errTrailing = errors.New("behind the compressed data stands something that is neither gzip nor zero bytes; `gzip -dc` writes what is before it")

func openGzip(r io.Reader) (io.Reader, func(), error) {
	raw := bufio.NewReaderSize(r, bufferSize) // that of the file, which is so large already
	z, err := gzip.NewReader(raw)
	if err != nil {
		return nil, nil, err
	}
	z.Multistream(false)
	return &gzipReader{raw: raw, z: z}, nil, nil
}

func (g *gzipReader) Read(b []byte) (int, error) {
	for {
		if g.ended {
			if err := g.next(); err != nil {
				return 0, err
			}
		}
		n, err := g.z.Read(b)
		if err == io.EOF {
			g.ended = true
			if err = nil; n == 0 && len(b) > 0 {
				continue
			}
		}
		return n, err
	}
}

// next begins the next member; io.EOF if there is none.
func (g *gzipReader) next() error {
	for {
		c, err := g.raw.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			break
		}
	}
	if err := g.raw.UnreadByte(); err != nil {
		return err
	}
	if magic, err := g.raw.Peek(2); err == nil && string(magic) != "\x1f\x8b" {
		return errTrailing
	}
	if err := g.z.Reset(g.raw); err != nil {
		return err
	}
	g.z.Multistream(false)
	g.ended = false
	return nil
}
