package examples

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	textunicode "golang.org/x/text/encoding/unicode"

	"fragua/pipeline/fault"
	"fragua/pipeline/records"
)

// maxRow bounds one row of a text file, and one document of a folder.
const maxRow = 16 << 20

// openText opens a text file, unpacks .gz, .zst and .xz, and decodes it to UTF-8
// without a byte order mark. What it is written in is found by a first pass:
//
//   - a byte order mark says UTF-8 or UTF-16;
//   - a file whose bytes are UTF-8, or whose longer characters outnumber the
//     bytes that are not, is UTF-8; rows with such bytes come out as they are
//     and are refused one by one;
//   - anything else is Windows-1252, of which Latin-1 is a part.
func openText(name string) (r io.ReadCloser, code string, err error) {
	code, err = sniffFile(name)
	if err != nil {
		return nil, "", err
	}
	f, err := openUnpacked(name)
	if err != nil {
		return nil, "", err
	}
	var enc encoding.Encoding
	switch code {
	case "utf-8":
		b := bufio.NewReaderSize(f, 1<<16)
		if mark, _ := b.Peek(3); bytes.Equal(mark, markUTF8) {
			b.Discard(3)
		}
		return readCloser{b, f}, code, nil
	case "utf-16":
		enc = textunicode.UTF16(textunicode.LittleEndian, textunicode.ExpectBOM)
	default:
		enc = charmap.Windows1252
	}
	return readCloser{enc.NewDecoder().Reader(f), f}, code, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

var (
	markUTF8    = []byte{0xef, 0xbb, 0xbf}
	markUTF16LE = []byte{0xff, 0xfe}
	markUTF16BE = []byte{0xfe, 0xff}
)

// sniffFile reads a file through and names its encoding.
func sniffFile(name string) (string, error) {
	f, err := openUnpacked(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	code, err := sniff(f)
	if err != nil {
		return "", &fault.RowError{File: name, Row: -1, Err: err}
	}
	return code, nil
}

func sniff(r io.Reader) (string, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	mark, _ := b.Peek(3)
	switch {
	case bytes.HasPrefix(mark, markUTF16LE), bytes.HasPrefix(mark, markUTF16BE):
		return "utf-16", nil
	case bytes.Equal(mark, markUTF8):
		return "utf-8", nil
	}
	var long, bad int64
	for {
		// A window ends before the character that it cuts.
		window, err := b.Peek(1 << 16)
		if len(window) == 0 {
			if err != nil && err != io.EOF {
				return "", err
			}
			break
		}
		used := 0
		for used < len(window) {
			if window[used] < utf8.RuneSelf {
				used++
				continue
			}
			if err == nil && !utf8.FullRune(window[used:]) {
				break
			}
			c, size := utf8.DecodeRune(window[used:])
			if c == utf8.RuneError && size == 1 {
				bad++
			} else {
				long++
			}
			used += size
		}
		b.Discard(used)
	}
	if bad > long {
		return "windows-1252", nil
	}
	return "utf-8", nil
}

// openUnpacked opens a file and unpacks it by its suffix.
func openUnpacked(name string) (io.ReadCloser, error) {
	f, err := records.Open(context.Background(), name)
	var path *fs.PathError
	if err != nil && !errors.As(err, &path) {
		err = &fault.RowError{File: name, Row: -1, Err: err}
	}
	return f, err
}

// format is the kind of table by the name of its file, packed or not.
func format(name string) string {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst", ".xz"} {
		name = strings.TrimSuffix(name, packed)
	}
	return strings.TrimPrefix(filepath.Ext(name), ".")
}

// checkUTF8 names the first byte that is no UTF-8.
func checkUTF8(s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	for i := 0; ; {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("text is not UTF-8 (byte 0x%02X at %d)", s[i], i)
		}
		i += size
	}
}

// readLine returns the next line without its end; io.EOF after the last.
// A line longer than maxRow is read through and comes as an error of its own.
func readLine(b *bufio.Reader) (line string, tooLong bool, err error) {
	var all []byte
	for {
		piece, err := b.ReadSlice('\n')
		if len(all)+len(piece) > maxRow {
			tooLong = true
			all = all[:0]
		} else {
			all = append(all, piece...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && (err != io.EOF || len(all) == 0 && !tooLong) {
			return "", false, err
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(all), "\n"), "\r"), tooLong, nil
	}
}
