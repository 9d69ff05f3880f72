package records

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// An httpResponse is an HTTP/1 response as an archive keeps it. Servers and
// crawlers break every rule of it, so none is relied on.
type httpResponse struct {
	status int
	header map[string]string // by name in lower case
	body   []byte
}

// parseHTTP parts the head from the body.
func parseHTTP(b []byte) (r httpResponse, ok bool) {
	if !bytes.HasPrefix(b, []byte("HTTP/")) && !bytes.HasPrefix(b, []byte("ICY ")) {
		return r, false
	}
	r.header = map[string]string{}
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	if f := strings.Fields(string(line[:min(len(line), 256)])); len(f) > 1 {
		r.status, _ = strconv.Atoi(f[1])
	}
	name := ""
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if name != "" {
				r.header[name] += " " + string(bytes.TrimSpace(line))
			}
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		name = strings.ToLower(string(bytes.TrimSpace(key)))
		if _, again := r.header[name]; !again {
			r.header[name] = string(bytes.TrimSpace(value))
		}
	}
	r.body = rest
	return r, true
}

// payload undoes the transfer and the content encodings, in so far as the body is
// in them: crawlers that undo them often leave the header as it was. cut reports
// that the payload ends too early; more than limit bytes are an error.
func (r httpResponse) payload(limit int64) (b []byte, cut bool, err error) {
	b = r.body
	for _, coding := range codings(r.header["transfer-encoding"]) {
		if coding == "chunked" {
			var short bool
			b, short = unchunk(b)
			cut = cut || short
		} else {
			var short bool
			if b, short, err = undo(coding, b, limit); err != nil {
				return nil, false, err
			}
			cut = cut || short
		}
	}
	for _, coding := range codings(r.header["content-encoding"]) {
		var short bool
		if b, short, err = undo(coding, b, limit); err != nil {
			return nil, false, err
		}
		cut = cut || short
	}
	return b, cut, nil
}

// codings lists encodings, the last applied first.
func codings(s string) (list []string) {
	for c := range strings.SplitSeq(strings.ToLower(s), ",") {
		list = append([]string{strings.TrimSpace(c)}, list...)
	}
	return list[:min(len(list), 4)]
}

// unchunk joins the chunks of a body. What does not begin with the size of a
// chunk was never chunked, or is not any more.
func unchunk(b []byte) (joined []byte, cut bool) {
	rest := b
	var out []byte
	for {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		digits, _, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\r")), []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 48)
		switch {
		case (!ok || err != nil) && out == nil:
			return b, false
		case !ok || err != nil: // a chunk was longer or shorter than it said
			return append(out, rest...), true
		case n == 0:
			return out, false
		case n > uint64(len(after)):
			if out == nil && len(b) > 1<<10 && n > 1<<20 {
				return b, false // a word that happens to be a number
			}
			return append(out, after...), true
		}
		out = append(out, after[:n]...)
		rest = after[n:]
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			rest = rest[2:]
		case bytes.HasPrefix(rest, []byte("\n")):
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return out, true // the last chunk, of size 0, is missing
		}
	}
}

// undo undoes a content encoding.
func undo(coding string, b []byte, limit int64) (out []byte, cut bool, err error) {
	var r io.Reader
	switch {
	case (coding == "gzip" || coding == "x-gzip" || coding == "br" || coding == "deflate") && bytes.HasPrefix(b, []byte("\x1f\x8b")):
		if r, err = gzip.NewReader(bytes.NewReader(b)); err != nil {
			return b, true, nil
		}
	case coding == "deflate" && len(b) > 2:
		if r, err = zlib.NewReader(bytes.NewReader(b)); err != nil {
			r = flate.NewReader(bytes.NewReader(b))
		}
	case coding == "br":
		r = brotli.NewReader(bytes.NewReader(b))
	case coding == "zstd" && bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return b, false, nil
		}
		defer z.Close()
		r = z
	default: // identity, or undone already
		return b, false, nil
	}
	var unpacked bytes.Buffer
	n, err := unpacked.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case n > limit:
		return nil, false, fmt.Errorf("the payload unpacks to more than %d bytes: %w", limit, errTooLong)
	case err != nil && n == 0:
		return b, false, nil // it was never packed so
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && coding == "br":
		return b, false, nil // the same: Brotli has no mark to tell
	}
	return unpacked.Bytes(), err != nil, nil
}
