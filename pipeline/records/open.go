package records

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"

	"fragua/pipeline/store"
)

// maxWindow bounds the memory that a compressed file may ask for.
const maxWindow = 128 << 20

// compressions is THE table of compressions, by the extension of their files.
var compressions = map[string]struct {
	magic string
	open  func(io.Reader) (io.Reader, func(), error)
}{
	".gz":  {"\x1f\x8b", openGzip},
	".zst": {"\x28\xb5\x2f\xfd", openZstd},
	".xz":  {"\xfd7zXZ\x00", openXZ},
	".bz2": {"BZh", func(r io.Reader) (io.Reader, func(), error) { return bzip2.NewReader(r), nil, nil }},
	".lz4": {"\x04\x22\x4d\x18", func(r io.Reader) (io.Reader, func(), error) { return lz4.NewReader(r), nil, nil }},
}

// Compressions lists the extensions of compressed files.
func Compressions() []string { return slices.Sorted(maps.Keys(compressions)) }

// Compressed reports whether a file is compressed, by its name.
func Compressed(name string) bool {
	_, ok := compressions[path.Ext(strings.ToLower(name))]
	return ok
}

// Extension returns the extension of a name before that of its compression, in
// lower case: ".txt" of "Emma.TXT.gz".
func Extension(name string) string {
	name = strings.ToLower(name)
	if Compressed(name) {
		name = strings.TrimSuffix(name, path.Ext(name))
	}
	return path.Ext(name)
}

func openZstd(r io.Reader) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

func openXZ(r io.Reader) (io.Reader, func(), error) {
	z, err := xz.NewReader(r)
	return z, nil, err
}

// An Input is a raw file being read, unpacked. Text in UTF-16 and UTF-32 comes as UTF-8.
type Input struct {
	file   *store.RawReader
	r      *bufio.Reader
	close  func() // of the decompressor; nil: nothing
	packed bool   // or in UTF-16 or -32: what is read is not what lies on disk
}

// Open opens a file and undoes its compression, which the extension of its name
// tells. A *Damaged error is the content's fault.
func Open(ctx context.Context, name string) (*Input, error) {
	f, err := store.OpenRaw(ctx, name)
	if err != nil {
		return nil, err
	}
	in := &Input{file: f}
	if err := in.unpack(name); err != nil {
		err = in.cause(err)
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *Input) unpack(name string) error {
	c, packed := compressions[path.Ext(strings.ToLower(name))]
	if !packed {
		in.r = bufio.NewReaderSize(in.file, bufferSize)
		return in.decode()
	}
	in.packed = true
	raw := bufio.NewReaderSize(in.file, bufferSize)
	if magic, err := raw.Peek(len(c.magic)); string(magic) != c.magic && !skippable(c.magic, magic) {
		if err == nil || len(magic) > 0 {
			err = fmt.Errorf("it is not compressed as its name says (%s)", path.Ext(name))
		}
		return &Damaged{noEOF(err)}
	}
	r, done, err := c.open(raw)
	if err != nil {
		return &Damaged{noEOF(err)}
	}
	in.close = done
	in.r = bufio.NewReaderSize(damageOf{r}, bufferSize)
	return in.decode()
}

// skippable reports whether a file begins with a frame that readers of zstd pass
// over, as those of pzstd do.
func skippable(magic string, b []byte) bool {
	return magic == compressions[".zst"].magic && len(b) == 4 && b[0]&0xf0 == 0x50 && string(b[1:]) == "\x2a\x4d\x18"
}

const bufferSize = 1 << 18

// decode turns UTF-16 and UTF-32 with a byte order mark into UTF-8.
func (in *Input) decode() error {
	mark, err := in.r.Peek(4) // fewer in a short file
	if err != nil && err != io.EOF {
		return err
	}
	var wide *encoding.Decoder
	switch {
	case bytes.HasPrefix(mark, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(mark, []byte("\x00\x00\xfe\xff")):
		wide = utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM).NewDecoder()
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		wide = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder()
	}
	if wide != nil {
		in.packed = true
		in.r = bufio.NewReaderSize(transform.NewReader(in.r, wide), bufferSize)
	}
	return nil
}

// Read reads unpacked bytes.
func (in *Input) Read(b []byte) (int, error) {
	n, err := in.r.Read(b)
	return n, in.cause(err)
}

// cause is what an error of a decompressor comes from: that of the file, if there
// was one.
func (in *Input) cause(err error) error {
	if err != nil && in.file.Err() != nil {
		return in.file.Err()
	}
	return err
}

// Close closes the file.
func (in *Input) Close() error {
	if in.close != nil {
		in.close()
	}
	return in.file.Close()
}

// seek goes to an offset of a file that is not packed.
func (in *Input) seek(offset int64) {
	in.file.SeekTo(offset)
	in.r.Reset(in.file)
}

// Damaged marks an error as the content's fault.
type Damaged struct{ Err error }

func (d *Damaged) Error() string { return "damaged: " + d.Err.Error() }
func (d *Damaged) Unwrap() error { return d.Err }

// damageOf a decompressor comes as *Damaged.
type damageOf struct{ r io.Reader }

func (d damageOf) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	if err != nil && err != io.EOF {
		err = &Damaged{noEOF(err)}
	}
	return n, err
}

var errCutFile = errors.New("the file is empty or cut short")

// noEOF says of a file that ends too early what it means.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutFile
	}
	return err
}

// lost makes of damage a *Failure whose rest is lost, and leaves other errors.
func lost(f File, offset, line int64, err error) error {
	var d *Damaged
	if !errors.As(err, &d) {
		return err
	}
	l := &Lost{Rows: -1, Bytes: -1}
	if offset == 0 {
		l.Bytes = f.Size
	}
	return &Failure{File: f.Name, Offset: offset, Line: line, Lost: l, Err: err}
}

// ErrTooLarge is why a file that must be read whole is refused.
var ErrTooLarge = errors.New("too large to be one document")

// ReadFile returns the content of a file, which may unpack to limit bytes. What
// is wrong with the content comes as a *Failure.
func ReadFile(ctx context.Context, f File, limit int64) ([]byte, error) {
	in, err := Open(ctx, f.Path)
	if err != nil {
		return nil, lost(f, 0, 0, err)
	}
	defer in.Close()
	if !in.packed && in.file.Size() > limit {
		return nil, tooLarge(f, limit)
	}
	// In pieces, so that what grows beyond the limit never takes more than that.
	var pieces [][]byte
	size, next := int64(0), int64(64<<10)
	if !in.packed {
		next = in.file.Size() + bytes.MinRead
	}
	for {
		piece := make([]byte, min(next, limit+1-size))
		n, err := io.ReadFull(in, piece)
		pieces, size, next = append(pieces, piece[:n]), size+int64(n), 1<<20
		switch {
		case size > limit:
			return nil, tooLarge(f, limit)
		case (err == io.EOF || err == io.ErrUnexpectedEOF) && in.file.Err() == nil:
			if len(pieces) == 1 {
				return pieces[0], nil
			}
			return slices.Concat(pieces...), nil
		case err != nil:
			return nil, lost(f, size, 0, err)
		}
	}
}

func tooLarge(f File, limit int64) error {
	return &Failure{File: f.Name, Lost: &Lost{Rows: -1, Bytes: f.Size}, Err: fmt.Errorf("%w: more than %d bytes (max_bytes); the source text cuts plain text of any length between paragraphs", ErrTooLarge, limit)}
}
