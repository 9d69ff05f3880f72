package corpus

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// compressions are the extensions of compressed files.
var compressions = map[string]bool{".gz": true, ".zst": true, ".xz": true}

// maxWindow bounds the memory that a zstd frame may ask for.
const maxWindow = 128 << 20

// Open opens a file and undoes its compression, told by the extension: .gz, .zst
// or .xz. An error that begins with "damaged" is the content's fault.
func Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	var r io.Reader
	switch path.Ext(strings.ToLower(name)) {
	case ".gz":
		r, err = gzip.NewReader(bufio.NewReaderSize(f, 1<<18))
	case ".zst":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow)); err == nil {
			return &unpacked{z, func() { z.Close(); f.Close() }}, nil
		}
	case ".xz":
		r, err = xz.NewReader(bufio.NewReaderSize(f, 1<<18))
	default:
		return f, nil
	}
	if err != nil {
		f.Close()
		return nil, &corrupt{err}
	}
	return &unpacked{r, func() { f.Close() }}, nil
}

// An unpacked file reports damage as *corrupt.
type unpacked struct {
	r     io.Reader
	close func()
}

func (u *unpacked) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	if err != nil && err != io.EOF {
		err = &corrupt{err}
	}
	return n, err
}

func (u *unpacked) Close() error { u.close(); return nil }

// corrupt marks an error as the file's fault: a reject, not the end of the run.
type corrupt struct{ err error }

func (c *corrupt) Error() string { return "damaged: " + c.err.Error() }
func (c *corrupt) Unwrap() error { return c.err }

// errTooLarge is why a file that must be read whole is refused.
var errTooLarge = errors.New("too large to be one document")

// readWhole returns the content of a file that must fit into memory. What is
// wrong with the content comes as a *Failure.
func readWhole(path, name string, limit int64) ([]byte, error) {
	r, err := Open(path)
	if err == nil {
		defer r.Close()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(r, limit+1)); err == nil {
			if int64(len(b)) > limit {
				return nil, &Failure{name, 0, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)}
			}
			return b, nil
		}
	}
	var c *corrupt
	if errors.As(err, &c) {
		return nil, &Failure{name, 0, err}
	}
	return nil, err
}
