package records

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"fragua/pipeline/store"
)

// An archive is a web archive being read, record by record.
type archive struct {
	file    *store.RawReader
	name    File
	in      *Input        // where the file is packed, but not with gzip
	raw     *bufio.Reader // of the file, where it is gzip
	z       *gzip.Reader
	r       *bufio.Reader // unpacked
	packed  bool          // offsets are those of the unpacked stream
	members bool          // gzip: offsets are those of members
	open    bool          // a member is
	at      int64         // of r, where the file is no gzip
	member  int64         // offset of the open member
	nth     int           // records of it that were begun
	to      int64         // no record begins from here on
	buf     bytes.Buffer  // content of a record
	probe   struct {
		raw *bufio.Reader
		z   *gzip.Reader
	}
}

// A header is what a record begins with.
type header struct {
	offset int64
	nth    int
	arc    *arcHeader
	fields map[string]string // by name in lower case
	length int64
	wrong  bool // length
}

func (h *header) get(name string) string { return h.fields[name] }

// openArchive opens a file. Gzip is known by its first bytes, other compressions
// by the name.
func openArchive(ctx context.Context, f File) (*archive, error) {
	a := &archive{name: f, to: f.Size}
	extension := path.Ext(strings.ToLower(f.Name))
	if _, packed := compressions[extension]; packed && extension != ".gz" {
		in, err := Open(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		a.in, a.file, a.r, a.packed = in, in.file, in.r, true
		return a, nil
	}
	file, err := store.OpenRaw(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	a.file = file
	a.raw = bufio.NewReaderSize(file, bufferSize)
	head, err := a.raw.Peek(3)
	if err != nil && err != io.EOF {
		file.Close()
		return nil, err
	}
	if a.members = string(head) == "\x1f\x8b\x08"; !a.members {
		if extension == ".gz" && len(head) > 0 {
			file.Close()
			return nil, &Damaged{errors.New("it is not compressed as its name says (.gz)")}
		}
		a.r = a.raw
	} else {
		a.r = bufio.NewReaderSize(nil, bufferSize)
	}
	return a, nil
}

func (a *archive) close() {
	if a.in != nil {
		a.in.Close()
		return
	}
	a.file.Close()
}

// start goes to the first record of a range; io.EOF if it has none.
func (a *archive) start(r Range) error {
	if a.packed {
		return nil
	}
	if a.to = r.To; r.From == 0 {
		return nil
	}
	a.seek(r.From)
	if a.members {
		return a.findMember(r.From)
	}
	return nil
}

func (a *archive) seek(to int64) {
	a.file.SeekTo(to)
	a.raw.Reset(a.file)
	a.at = to
	if !a.members {
		a.r = a.raw
	}
}

// position is where the next byte of a gzip file lies.
func (a *archive) position() int64 { return a.file.At() - int64(a.raw.Buffered()) }

// next reads the header of the next record; io.EOF after the last. A header
// comes with an error, too, and says where that is.
func (a *archive) next() (*header, error) {
	for {
		if a.members && !a.open {
			if err := a.nextMember(); err != nil {
				return &header{offset: a.member}, err
			}
		}
		h, err := a.header()
		if err == io.EOF && a.members { // the member ends
			a.open = false
			continue
		}
		return h, err
	}
}

// nextMember begins the next gzip member. Zero bytes before it are passed over.
func (a *archive) nextMember() error {
	for {
		c, err := a.raw.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			a.raw.UnreadByte()
			break
		}
	}
	before := a.z != nil // a member of this range
	if a.member = a.position(); a.member >= a.to {
		// The next range begins with the first member that holds a record. What lies
		// before that is told here.
		if !before || a.beginsRecord(a.member, true) {
			return io.EOF
		}
	}
	var err error
	if a.z == nil {
		a.z, err = gzip.NewReader(a.raw)
	} else {
		err = a.z.Reset(a.raw)
	}
	if err != nil {
		return &Damaged{noEOF(err)}
	}
	a.z.Multistream(false)
	a.r.Reset(damageOf{a.z})
	a.open, a.nth = true, 0
	return nil
}

// severalRecords reports whether the first gzip member holds more than a record.
func (a *archive) severalRecords() (bool, error) {
	h, err := a.next()
	if err == nil {
		err = a.skip(h)
	}
	if err != nil {
		return true, err // whole, then
	}
	_, err = a.r.ReadByte()
	if err == io.EOF {
		return false, nil
	}
	return true, err
}

// findMember goes to the first gzip member from an offset on in which a record
// begins; io.EOF if there is none in the range.
func (a *archive) findMember(from int64) error {
	a.open = false
	a.seek(from)
	for {
		b, err := a.raw.Peek(4)
		if len(b) < 4 && err != io.EOF {
			return err
		}
		at := a.position()
		if at >= a.to || len(b) < 4 {
			return io.EOF
		}
		if b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 && b[3]&0xe0 == 0 && a.beginsRecord(at, false) {
			return nil
		}
		if a.file.Err() != nil {
			return a.file.Err()
		}
		buffered, _ := a.raw.Peek(a.raw.Buffered())
		skip := bytes.IndexByte(buffered[1:], 0x1f)
		if skip < 0 {
			skip = len(buffered) - 1
		}
		a.raw.Discard(skip + 1)
	}
}

// beginsRecord reports whether a gzip member that begins with a record, or an
// empty one if that will do, lies at an offset.
func (a *archive) beginsRecord(at int64, empty bool) bool {
	section := io.NewSectionReader(a.file, at, a.name.Size-at)
	if a.probe.raw == nil {
		a.probe.raw, a.probe.z = bufio.NewReaderSize(section, 1<<10), new(gzip.Reader)
	}
	a.probe.raw.Reset(section)
	if a.probe.z.Reset(a.probe.raw) != nil {
		return false
	}
	a.probe.z.Multistream(false)
	var line [512]byte
	n, err := io.ReadFull(a.probe.z, line[:])
	s := strings.TrimLeft(string(line[:n]), "\r\n")
	if isWARC(s) || empty && s == "" && err == io.EOF {
		return true
	}
	s, _, _ = strings.Cut(s, "\n")
	_, ok := parseARC(s)
	return ok
}

func isWARC(s string) bool {
	return len(s) > 6 && s[:5] == "WARC/" && s[5] >= '0' && s[5] <= '9'
}

const maxHeader = 64 << 10

// line reads a line of a header.
func (a *archive) line(left *int) (string, error) {
	var long []byte
	for {
		b, err := a.r.ReadSlice('\n')
		a.at += int64(len(b))
		if *left -= len(b); *left < 0 {
			return "", errLongHeader
		}
		if err == nil && long == nil {
			return strings.TrimRight(string(b), "\r\n"), nil
		}
		long = append(long, b...)
		switch {
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(long) > 0:
			return strings.TrimRight(string(long), "\r\n"), nil
		default:
			return strings.TrimRight(string(long), "\r\n"), err
		}
	}
}

// header reads what a record begins with; io.EOF at the end of the stream.
func (a *archive) header() (*header, error) {
	h := &header{offset: a.at}
	if a.members {
		h.offset, h.nth = a.member, a.nth
	}
	left := maxHeader
	line := ""
	for line == "" { // blank lines between records
		if !a.members {
			h.offset = a.at
		}
		if !a.members && !a.packed && a.at >= a.to {
			return h, io.EOF
		}
		var err error
		if line, err = a.line(&left); err != nil {
			return h, err
		}
		left = maxHeader
	}
	a.nth++
	if !isWARC(line) {
		arc, ok := parseARC(line)
		if !ok {
			return h, errHeader
		}
		h.arc, h.length = arc, arc.length
		h.fields = map[string]string{"content-type": arc.mime}
		return h, nil
	}
	h.fields = map[string]string{}
	name := ""
	for {
		line, err := a.line(&left)
		if err != nil && err != io.EOF {
			return h, err
		}
		if strings.TrimSpace(line) == "" {
			break
		}
		if (line[0] == ' ' || line[0] == '\t') && name != "" { // goes on
			h.fields[name] += " " + strings.TrimSpace(line)
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue // some crawlers break values over lines
		}
		name = strings.ToLower(strings.TrimSpace(key))
		if _, again := h.fields[name]; !again {
			h.fields[name] = strings.TrimSpace(value)
		}
	}
	n, err := strconv.ParseInt(h.get("content-length"), 10, 64)
	if err != nil || n < 0 {
		return h, fmt.Errorf("%w: Content-Length is %q", errHeader, h.get("content-length"))
	}
	h.length = n
	return h, nil
}

// skip passes over the content of a record, up to the next one.
func (a *archive) skip(h *header) error {
	left, begin := h.length, a.at
	plain := !a.packed && !a.members
	if plain && a.r == a.raw && left > int64(a.raw.Buffered()) {
		if left > a.name.Size-a.at {
			return errCut
		}
		a.seek(a.at + left)
		left = 0
	}
	n, err := io.CopyN(io.Discard, a.r, left)
	if a.at += n; err == io.EOF {
		return errCut
	}
	if err == nil {
		err = a.behind(h)
	}
	if errors.Is(err, errLength) && !a.members {
		if plain { // the length may have led beyond the next record
			a.seek(begin)
		}
		if a.resyncLines() == nil {
			return nil
		}
	}
	return err
}

// behind checks that another record follows the content that was just read, or
// the end, and passes over the blank lines between.
func (a *archive) behind(h *header) error {
	for {
		b, err := a.r.Peek(70)
		if len(b) == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
		n := len(b) - len(bytes.TrimLeft(b, "\r\n"))
		if n < len(b) && h.arc == nil && !isWARC(string(b[n:])) && len(b)-n > 6 {
			return errLength
		}
		a.r.Discard(n)
		if a.at += int64(n); n < len(b) {
			return nil
		}
	}
}
