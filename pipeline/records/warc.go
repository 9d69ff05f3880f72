package records

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WARC is web archives: WARC (ISO 28500, versions 0.17 to 1.1), WET, which is WARC
// with extracted text, and ARC. Each record may be a gzip member of its own, as
// crawlers write them, or the file may be plain or compressed as a whole.
type WARC struct {
	Max int64 // bytes of a record, and of its payload unpacked
}

// A Capture is what a web archive holds of one address.
type Capture struct {
	Offset      int64  // of the record, or of the gzip member that it lies in, in the file; of the unpacked stream if that is packed otherwise
	Nth         int    // of its gzip member: 0 unless a member holds several records
	Kind        string // WARC-Type: response, resource, conversion, revisit, request, metadata, warcinfo
	URL         string
	Date        string // of the crawl, ISO 8601
	Status      int    // of HTTP; 0: none
	MIME        string // of the payload as it was identified, or else as the server said; in lower case
	Charset     string // as the server said
	Language    string // as the archive identified it
	WrongLength bool   // the header's: what lies before the next record was taken
	Truncated   string // why the payload is not whole; "": it is
	RefersTo    string // of a revisit: the address, or the record, that holds the payload
	Body        []byte // the payload, unpacked; of response, resource and conversion alone. Valid until the next record
}

var (
	errHeader     = errors.New("no header of a WARC or ARC record")
	errLongHeader = errors.New("the record's header is longer than 64 kB")
	errLength     = errors.New("the record's length is wrong: no record begins behind it")
	errCut        = errors.New("the record is cut short")
)

// Divide divides a file by records: at gzip members, or, where it is plain, where
// records begin. A file that is packed as a whole is read whole.
func (w WARC) Divide(ctx context.Context, f File, size int64) ([]Range, error) {
	if f.Size <= size {
		return []Range{whole(f)}, nil
	}
	a, err := openArchive(ctx, f)
	if err != nil {
		return []Range{whole(f)}, ignoreDamage(err)
	}
	defer a.close()
	switch {
	case a.packed:
		return []Range{whole(f)}, nil
	case a.members:
		if several, err := a.severalRecords(); several || err != nil {
			return []Range{whole(f)}, ignoreDamage(err)
		}
		var ranges []Range
		for from := int64(0); from < f.Size; from += size {
			to := min(from+size, f.Size)
			ranges = append(ranges, Range{From: from, To: to, Size: to - from})
		}
		return ranges, nil
	}
	// The headers of a plain file are read, and what they are of is passed over.
	var ranges []Range
	from := int64(0)
	cut := func(to int64) {
		ranges = append(ranges, Range{From: from, To: to, Size: to - from})
		from = to
	}
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		h, err := a.next()
		if err == io.EOF {
			break
		}
		if err == nil && h.offset-from >= size {
			cut(h.offset)
		}
		if err == nil {
			err = a.skip(h)
		}
		if err != nil && a.resync() != nil {
			break
		}
	}
	if a.file.Err() != nil {
		return nil, a.file.Err()
	}
	cut(f.Size)
	return ranges, nil
}

// ignoreDamage leaves damage to whoever reads the file.
func ignoreDamage(err error) error {
	if d := (*Damaged)(nil); errors.As(err, &d) {
		return nil
	}
	return err
}

// Read yields the captures of a range, those without a payload too.
func (w WARC) Read(ctx context.Context, f File, r Range) iter.Seq2[Capture, error] {
	return func(yield func(Capture, error) bool) {
		a, err := openArchive(ctx, f)
		if err == nil {
			defer a.close()
			err = a.start(r)
		}
		if err != nil {
			if err != io.EOF {
				yield(Capture{}, lost(f, 0, 0, err))
			}
			return
		}
		for {
			if ctx.Err() != nil {
				yield(Capture{}, context.Cause(ctx))
				return
			}
			h, err := a.next()
			if err == io.EOF {
				return
			}
			c := Capture{Offset: h.offset, Nth: h.nth}
			if err == nil {
				c = h.capture()
				err = a.payload(h, &c, w.Max)
			}
			if err != nil && a.file.Err() != nil {
				yield(Capture{}, a.file.Err())
				return
			}
			if err == nil {
				if !yield(c, nil) {
					return
				}
				continue
			}
			bad := &Failure{File: f.Name, Offset: h.offset, Err: err}
			var end error
			if !errors.Is(err, errTooLong) { // else the next record begins here
				end = a.resync()
			}
			if end != nil && (!a.members || errors.Is(err, errCutFile)) {
				bad.Lost = &Lost{Rows: -1, Bytes: -1}
				if !a.packed {
					bad.Lost.Bytes = max(0, f.Size-h.offset)
				}
			}
			if !yield(c, bad) || end != nil {
				return
			}
		}
	}
}

// capture makes sense of a header.
func (h *header) capture() Capture {
	c := Capture{Offset: h.offset, Nth: h.nth, Kind: strings.ToLower(h.get("warc-type")), URL: strings.Trim(h.get("warc-target-uri"), "<> "),
		Date: h.get("warc-date"), Truncated: h.get("warc-truncated")}
	if h.arc != nil {
		c.Kind, c.URL, c.Date = "response", h.arc.url, h.arc.date
		if strings.HasPrefix(c.URL, "filedesc:") {
			c.Kind = "warcinfo"
		}
	}
	if t, err := time.Parse(time.RFC3339, c.Date); err == nil {
		c.Date = t.UTC().Format("2006-01-02T15:04:05Z")
	}
	if c.Kind == "revisit" {
		c.RefersTo = strings.Trim(first(h.get("warc-refers-to-target-uri"), h.get("warc-refers-to")), "<> ")
	}
	c.Language, _, _ = strings.Cut(h.get("warc-identified-content-language"), ",")
	c.MIME, c.Charset = mimeType(h.get("content-type"))
	return c
}

// holds reports whether a record has a payload that may be text.
func (c *Capture) holds() bool {
	return c.Kind == "response" || c.Kind == "resource" || c.Kind == "conversion"
}

// payload reads the payload of a record, unpacked.
func (a *archive) payload(h *header, c *Capture, limit int64) error {
	if !c.holds() {
		return a.skip(h)
	}
	b, err := a.body(h, limit)
	if err != nil {
		return err
	}
	c.Body, c.WrongLength = b, h.wrong
	isHTTP := strings.HasPrefix(strings.ReplaceAll(h.get("content-type"), " ", ""), "application/http")
	if h.arc != nil || c.Kind == "response" && isHTTP {
		r, ok := parseHTTP(b)
		if !ok && h.arc == nil {
			return nil // not what it says: whoever looks at the body sees
		}
		if ok {
			c.Status = r.status
			c.MIME, c.Charset = mimeType(r.header["content-type"])
			var cut bool
			if c.Body, cut, err = r.payload(limit); err != nil {
				return err
			}
			if cut {
				c.Truncated = first(c.Truncated, "payload")
			}
		}
	}
	if m, _ := mimeType(h.get("warc-identified-payload-type")); m != "" {
		c.MIME = m
	}
	return nil
}

// errTooLong is why the payload of a record is refused.
var errTooLong = errors.New("larger than max_bytes allows")

// body returns the content of a record: h.length bytes, or, where no record
// begins behind them, what lies before the next one.
func (a *archive) body(h *header, limit int64) ([]byte, error) {
	if h.length > limit {
		if err := a.skip(h); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("a record of %d bytes: %w", h.length, errTooLong)
	}
	a.buf.Reset()
	n, err := io.CopyN(&a.buf, a.r, h.length)
	a.at += n
	if err == nil {
		err = a.behind(h)
	}
	if err == io.EOF {
		err = fmt.Errorf("%w: it has %d of %d bytes", errCut, n, h.length)
	}
	if !errors.Is(err, errLength) && !errors.Is(err, errCut) {
		return a.buf.Bytes(), err
	}
	// The length is wrong. Take what lies before the next record, or the end of the
	// gzip member, whose checksum was right.
	a.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(a.buf.Bytes())), a.r), bufferSize)
	a.at -= n
	a.buf.Reset()
	_, next := a.linesTo(func(b []byte) bool {
		a.buf.Write(b)
		return int64(a.buf.Len()) <= limit
	})
	if next == nil || next == io.EOF && (a.members || errors.Is(err, errLength)) {
		h.wrong, err = true, nil
	}
	return bytes.TrimRight(a.buf.Bytes(), "\r\n"), err
}

func mimeType(s string) (name, charset string) {
	name, parameters, _ := strings.Cut(strings.ToLower(s), ";")
	for p := range strings.SplitSeq(parameters, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok && strings.TrimSpace(k) == "charset" {
			charset = strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return strings.TrimSpace(name), charset
}

func first(list ...string) string {
	i := slices.IndexFunc(list, func(s string) bool { return s != "" })
	if i < 0 {
		return ""
	}
	return list[i]
}

// An arcHeader is the line that begins a record of ARC:
//
//	URL IP-address Archive-date Content-type Archive-length
//
// or, in version 2, with Result-code Checksum Location Offset Filename before the
// length.
type arcHeader struct {
	url, date, mime string
	length          int64
}

func parseARC(line string) (*arcHeader, bool) {
	f := strings.Fields(line)
	for _, k := range []int{5, 10} {
		if len(f) < k {
			continue
		}
		u := len(f) - k + 1 // an address may hold spaces
		date, mime := f[u+1], f[u+2]
		n, err := strconv.ParseInt(f[len(f)-1], 10, 64)
		t, bad := time.Parse("20060102150405", date)
		if err == nil && n >= 0 && bad == nil && strings.Contains(f[0], ":") {
			return &arcHeader{strings.Join(f[:u], " "), t.Format("2006-01-02T15:04:05Z"), mime, n}, true
		}
	}
	return nil, false
}
