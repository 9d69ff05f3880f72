package records

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// warc writes a record; extra lines stand in its header.
func warc(kind, url, mime, body string, extra ...string) string {
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nWARC-Date: 2020-02-03T04:05:06Z\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s\r\n\r\n",
		kind, url, mime, strings.Join(append(extra, ""), "\r\n"), len(body), body)
}

func response(url, head, body string) string {
	return warc("response", url, "application/http; msgtype=response", "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n"+body)
}

func packWith(t testing.TB, open func(io.Writer) io.WriteCloser, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, s); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gz(t testing.TB, s string) string {
	return packWith(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, s)
}

func rawFile(t testing.TB, name, content string) File {
	t.Helper()
	f := File{Name: name, Path: filepath.Join(t.TempDir(), name), Size: int64(len(content))}
	if err := os.WriteFile(f.Path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return f
}

// captures reads a file in ranges of about size bytes: a line a capture or failure.
func captures(t testing.TB, f File, size int64) (list []string) {
	t.Helper()
	w := WARC{Max: 1 << 20}
	ranges, err := w.Divide(context.Background(), f, size)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		for c, err := range w.Read(context.Background(), f, r) {
			var bad *Failure
			switch {
			case errors.As(err, &bad) && bad.Lost != nil:
				list = append(list, "lost: "+bad.Err.Error())
			case errors.As(err, &bad):
				list = append(list, "failed: "+bad.Err.Error())
			case err != nil:
				t.Fatal(err)
			default:
				body := string(c.Body)
				if len(body) > 60 {
					body = fmt.Sprintf("%d bytes", len(body))
				}
				list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %d %s %s %s|%s", c.Kind, c.URL, c.Status, c.MIME, c.Charset, c.Truncated, body)))
			}
		}
	}
	return list
}

// TestWARCPayloads: encodings of a payload are undone where it is in them, and a
// header that lies changes nothing.
func TestWARCPayloads(t *testing.T) {
	const html = "Content-Type: text/html; charset=\"UTF-8\""
	page := "<p>Ñandú, señor</p>"
	cut := strings.Index(page, "Ñ") + 1 // inside of the character
	chunked := fmt.Sprintf("%x\r\n%s\r\n%x;extension\r\n%s\r\n0\r\n\r\n", cut, page[:cut], len(page)-cut, page[cut:])
	packed := gz(t, page)
	bomb := gz(t, strings.Repeat("a", 3<<20))
	const want = "response http://a/ 200 text/html utf-8 |<p>Ñandú, señor</p>"
	for name, test := range map[string]struct{ head, body, want string }{
		"plain":                {html, page, want},
		"chunked":              {html + "\r\ntransfer-encoding: chunked", chunked, want},
		"chunked is a lie":     {html + "\r\nTransfer-Encoding: chunked", page, want},
		"gzip":                 {html + "\r\nContent-Encoding: gzip", packed, want},
		"gzip is a lie":        {html + "\r\nContent-Encoding: gzip", page, want},
		"gzip in chunks":       {html + "\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip", fmt.Sprintf("%X\r\n%s\r\n0\r\n\r\n", len(packed), packed), want},
		"gzip as transfer":     {html + "\r\nTransfer-Encoding: gzip, chunked", fmt.Sprintf("%X\r\n%s\r\n0\r\n\r\n", len(packed), packed), want},
		"zlib":                 {html + "\r\nContent-Encoding: deflate", packWith(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, page), want},
		"brotli":               {html + "\r\nContent-Encoding: br", packWith(t, func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }, page), want},
		"brotli is a lie":      {html + "\r\nContent-Encoding: br", page, want},
		"zstd":                 {html + "\r\nContent-Encoding: zstd", packWith(t, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }, page), want},
		"line feeds alone":     {"Server: x\nContent-Type: text/html; charset=utf-8", page, want},
		"last chunk missing":   {html + "\r\nTransfer-Encoding: chunked", chunked[:len(chunked)-5], strings.Replace(want, "|", "payload|", 1)},
		"cut in a chunk":       {html + "\r\nTransfer-Encoding: chunked", "ff\r\n" + page, strings.Replace(want, "|", "payload|", 1)},
		"a bomb":               {html + "\r\nContent-Encoding: gzip", bomb, "failed: the payload unpacks to more than 1048576 bytes: larger than max_bytes allows"},
		"a header without end": {html, "", "response http://a/ 200 text/html utf-8 |"},
		"many codings":         {html + "\r\nContent-Encoding: " + strings.Repeat("gzip,", 1000), page, want},
	} {
		got := captures(t, rawFile(t, "a.warc", response("http://a/", test.head, test.body)+response("http://b/", html, "after")), 1<<40)
		if diff := cmp.Diff([]string{test.want, "response http://b/ 200 text/html utf-8 |after"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestWARCRecords: what is broken costs itself alone, however the file is packed
// and divided.
func TestWARCRecords(t *testing.T) {
	a, b, c := response("http://a/", "X: y", "one"), response("http://b/", "X: y", "two"), response("http://c/", "X: y", "three")
	const wantA, wantB, wantC = "response http://a/ 200   |one", "response http://b/ 200   |two", "response http://c/ 200   |three"
	info := warc("warcinfo", "", "application/warc-fields", "software: test\r\n")
	longer, shorter := strings.Replace(b, "Content-Length: 28", "Content-Length: 38", 1), strings.Replace(b, "Content-Length: 28", "Content-Length: 26", 1)
	all := []string{"warcinfo  0 application/warc-fields  |", wantA, wantB, wantC}
	arc := "filedesc://x.arc 0.0.0.0 20200203040506 text/plain 77\n1 0 test\nURL IP-address Archive-date Content-type Archive-length\n" + strings.Repeat(" ", 12) + "\n"
	arc = strings.Replace(arc, " 77\n", fmt.Sprintf(" %d\n", len(arc)-strings.Index(arc, "\n")-2), 1)
	page := "HTTP/1.0 200 OK\nContent-Type: text/html\n\nold"
	arc1 := fmt.Sprintf("http://a/x y 1.2.3.4 20200203040506 text/html %d\n%s\n", len(page), page)
	arc2 := fmt.Sprintf("http://b/ 1.2.3.4 20200203040506 text/html 200 - - 0 x.arc %d\n%s\n", len(page), page)
	huge := strings.Replace(b, "Content-Length: 28", "Content-Length: 99999999999999", 1)
	broken := []byte(gz(t, b))
	broken[len(broken)/2] ^= 0xff
	for _, test := range []struct {
		name, file string
		content    string
		want       []string
	}{
		{"plain", "a.warc", info + a + b + c, all},
		{"a member each", "a.warc.gz", gz(t, info) + gz(t, a) + gz(t, b) + gz(t, c), all},
		{"gzip by another name", "a.warc", gz(t, info) + gz(t, a) + gz(t, b) + gz(t, c), all},
		{"one member", "a.warc.gz", gz(t, info+a+b+c), all},
		{"two members", "a.warc.gz", gz(t, info+a) + gz(t, b+c), all},
		{"zeros behind", "a.warc.gz", gz(t, info) + gz(t, a) + "\x00\x00" + gz(t, b) + gz(t, c) + strings.Repeat("\x00", 1000), all},
		{"zstd", "a.warc.zst", packWith(t, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }, info+a+b+c), all},
		{"without blank lines", "a.warc", info + strings.TrimRight(a, "\r\n") + "\r\n" + b + "\r\n\r\n" + c, all},
		{"empty", "a.warc", "", nil},
		{"revisit", "a.warc", warc("revisit", "http://a/", "application/http", "", "WARC-Refers-To-Target-URI: http://a/"), []string{"revisit http://a/ 0 application/http  |"}},
		{"ARC", "a.arc", arc + arc1 + arc2, []string{"warcinfo filedesc://x.arc 0 text/plain  |", "response http://a/x y 200 text/html  |old", "response http://b/ 200 text/html  |old"}},
		{"ARC in members", "a.arc.gz", gz(t, arc) + gz(t, arc1) + gz(t, arc2), []string{"warcinfo filedesc://x.arc 0 text/plain  |", "response http://a/x y 200 text/html  |old", "response http://b/ 200 text/html  |old"}},
		{"WET", "a.wet", warc("conversion", "http://a/", "text/plain", "text"), []string{"conversion http://a/ 0 text/plain  |text"}},
		{"truncated by the crawler", "a.warc", warc("response", "http://a/", "application/http", "HTTP/1.1 200 OK\r\n\r\ncut", "WARC-Truncated: length"), []string{"response http://a/ 200   length|cut"}},

		{"length too long", "a.warc", a + longer + c, []string{wantA, wantB, wantC}},
		{"length too short", "a.warc", a + shorter + c, []string{wantA, wantB, wantC}},
		{"length too long in a member", "a.warc.gz", gz(t, a) + gz(t, longer) + gz(t, c), []string{wantA, wantB, wantC}},
		{"length beyond the file", "a.warc", a + huge + c, []string{wantA, "failed: the record is cut short", wantC}},
		{"no length", "a.warc", a + strings.Replace(b, "Content-Length:", "X-Length:", 1) + c, []string{wantA, `failed: no header of a WARC or ARC record: Content-Length is ""`, wantC}},
		{"rubbish between", "a.warc", a + "rubbish\r\n\r\n" + c, []string{wantA + "\r\n\r\nrubbish", wantC}},
		{"rubbish first", "a.warc", "rubbish\r\n" + c, []string{"failed: no header of a WARC or ARC record", wantC}},
		{"a header that does not end", "a.warc", "WARC/1.0\r\n" + strings.Repeat("X", 100<<10) + "\r\n" + c, []string{"failed: the record's header is longer than 64 kB", wantC}},
		{"a broken member", "a.warc.gz", gz(t, a) + string(broken) + gz(t, c), []string{wantA, "failed: ", wantC}},
		{"no member between", "a.warc.gz", gz(t, a) + "rubbish" + gz(t, c), []string{wantA, "failed: damaged:", wantC}},
		{"cut in the last member", "a.warc.gz", gz(t, a) + gz(t, c)[:60], []string{wantA, "lost: damaged:"}},
		{"cut in the last record", "a.warc", a + c[:len(c)-9], []string{wantA, "lost: the record is cut short"}},
		{"nothing of it", "a.warc.gz", "no gzip", []string{"lost: damaged: it is not compressed as its name says (.gz)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := rawFile(t, test.file, test.content)
			for _, size := range []int64{1 << 40, 1, 64, 300} {
				got := captures(t, f, size)
				for i := range got {
					if i < len(test.want) && strings.HasPrefix(got[i], test.want[i]) && !strings.HasPrefix(test.want[i], "response") {
						got[i] = test.want[i] // the rest of the message does not matter
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("ranges of %d bytes: %s", size, diff)
				}
			}
		})
	}
}

// TestWARCHostile: lies about lengths and lines without end cost neither memory
// nor time.
func TestWARCHostile(t *testing.T) {
	for name, content := range map[string]string{
		"a line of 100 MB":    strings.Repeat("x", 100<<20),
		"a gzip bomb":         gz(t, warc("response", "http://a/", "application/http", strings.Repeat("\x00", 50<<20))),
		"a bomb of blank":     gz(t, strings.Repeat("\n", 8<<20)),
		"members without end": strings.Repeat(gz(t, ""), 1<<16),
		"magic without end":   strings.Repeat("\x1f\x8b\x08\x00", 1<<17),
	} {
		name, content := name, content
		began := time.Now()
		file := "a.warc.gz"
		if strings.HasPrefix(name, "a line") {
			file = "a.warc"
		}
		list := captures(t, rawFile(t, file, content), 1<<40)
		if took := time.Since(began); took > time.Minute || len(list) > 1 {
			t.Errorf("%s: %v, %.200q", name, took, list)
		}
	}
}

func FuzzWARC(f *testing.F) {
	f.Add([]byte(response("http://a/", "Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")), false, int64(10))
	f.Add([]byte(gz(f, response("http://a/", "Content-Encoding: gzip", gz(f, "hello")))), true, int64(1))
	f.Add([]byte("http://b/ 1.2.3.4 20200203040506 text/html 3\nabc\n"), false, int64(1))
	f.Fuzz(func(t *testing.T, b []byte, packed bool, size int64) {
		name := "a.warc"
		if packed {
			name += ".gz"
		}
		file := rawFile(t, name, string(b))
		if n := len(captures(t, file, max(size, 1))); n > len(b)+1 {
			t.Fatalf("%d captures of %d bytes", n, len(b))
		}
	})
}
