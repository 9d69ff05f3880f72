package records

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"fragua/pipeline/extract"
)

// A Kind is what the first bytes of a file show it to be.
type Kind string

// Kinds that sources read, or that have a remedy of their own.
const (
	KindText    Kind = "plain text"
	KindHTML    Kind = "HTML"
	KindPiece   Kind = "a piece of HTML" // without <html> or <head>
	KindWARC    Kind = "a web archive (WARC or ARC)"
	KindTEI     Kind = "TEI XML"
	KindWiki    Kind = "a MediaWiki XML dump"
	KindXML     Kind = "XML"
	KindJSONL   Kind = "JSON Lines"
	KindJSON    Kind = "JSON"
	KindParquet Kind = "Parquet"
	KindArrow   Kind = "Arrow IPC"
	KindEPUB    Kind = "an e-book (EPUB)"
	KindDOCX    Kind = "a Word document (DOCX)"
	KindZip     Kind = "a zip archive"
	KindPDF     Kind = "PDF"
	KindPacked  Kind = "compressed data"
	KindRTF     Kind = "RTF"
	KindImage   Kind = "an image"
	KindMedia   Kind = "sound or video"
	KindProgram Kind = "a program"
	KindOther   Kind = "binary data"
)

// sniffSize is how many bytes of a file tell its kind.
const sniffSize = 4 << 10

// magics begin files that are no text.
var magics = []struct {
	magic string
	kind  Kind
}{
	{"PAR1", KindParquet}, {"PARE", KindParquet}, {"ARROW1", KindArrow}, {"%PDF-", KindPDF}, {`{\rtf`, KindRTF},
	{"\x1f\x8b\x08", KindPacked}, {"\x28\xb5\x2f\xfd", KindPacked}, {"\xfd7zXZ\x00", KindPacked}, {"BZh", KindPacked}, {"\x04\x22\x4d\x18", KindPacked},
	{"7z\xbc\xaf\x27\x1c", KindPacked}, {"Rar!\x1a\x07", KindPacked}, {"\x1f\x9d", KindPacked},
	{"\x89PNG\r\n", KindImage}, {"\xff\xd8\xff", KindImage}, {"GIF87a", KindImage}, {"GIF89a", KindImage}, {"II*\x00", KindImage}, {"MM\x00*", KindImage},
	{"\x7fELF", KindProgram}, {"\xcf\xfa\xed\xfe", KindProgram}, {"\xca\xfe\xba\xbe", KindProgram}, {"\x00asm", KindProgram},
	{"ID3", KindMedia}, {"OggS", KindMedia}, {"fLaC", KindMedia}, {"\x1aE\xdf\xa3", KindMedia}, {"RIFF", KindMedia},
	{"SQLite format 3\x00", KindOther}, {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", KindOther}, {"AT&TFORM", KindOther},
}

// Sniff tells the kind of a file by its first bytes. What shows no other kind and
// has no zero bytes is plain text; an empty file is, too.
func Sniff(b []byte) Kind {
	b = b[:min(len(b), sniffSize)]
	if bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06")) {
		return sniffZip(b)
	}
	for _, m := range magics {
		if bytes.HasPrefix(b, []byte(m.magic)) && (m.magic != "BZh" || len(b) > 9 && string(b[4:10]) == "1AY&SY" || len(b) > 9 && string(b[4:8]) == "\x17\x72\x45\x38") &&
			(m.magic != "ID3" || len(b) > 3 && b[3] < 9) {
			return m.kind
		}
	}
	if isArrowStream(b) {
		return KindArrow
	}
	if enc, _ := extract.Wide(b); enc != nil {
		b, _ = enc.NewDecoder().Bytes(b[:len(b)&^3])
	} else if bytes.IndexByte(b, 0) >= 0 {
		return KindOther
	}
	s := strings.TrimLeft(strings.TrimPrefix(string(b), "\xef\xbb\xbf"), " \t\r\n")
	line, _, _ := strings.Cut(s, "\n")
	_, arc := parseARC(line)
	switch {
	case isWARC(s) && strings.Contains(s, "WARC-Type"), arc:
		return KindWARC
	case strings.HasPrefix(s, "<"):
		return sniffMarkup(s)
	case strings.HasPrefix(s, "{") && json.Valid([]byte(line)):
		return KindJSONL
	case (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) && isJSON(s):
		return KindJSON
	}
	return KindText
}

// isArrowStream: an Arrow stream begins with a mark and the length of its schema, a
// multiple of eight.
func isArrowStream(b []byte) bool {
	if len(b) < 8 || string(b[:4]) != "\xff\xff\xff\xff" {
		return false
	}
	n := binary.LittleEndian.Uint32(b[4:])
	return n > 0 && n < 1<<24 && n%8 == 0
}

// SniffFile tells the kind of a file by its first bytes, unpacked. Damage is left
// to whoever reads the file.
func SniffFile(ctx context.Context, f File) (Kind, error) {
	in, err := Open(ctx, f.Path)
	if err != nil {
		return KindText, ignoreDamage(err)
	}
	defer in.Close()
	b, _ := in.r.Peek(sniffSize) // whoever reads on meets the error
	return Sniff(b), nil
}

func sniffZip(b []byte) Kind {
	switch {
	case bytes.Contains(b, []byte("mimetypeapplication/epub+zip")), bytes.Contains(b, []byte("META-INF/container.xml")):
		return KindEPUB
	case bytes.Contains(b, []byte("word/")):
		return KindDOCX
	}
	return KindZip
}

// sniffMarkup tells HTML from kinds of XML by the first element.
func sniffMarkup(s string) Kind {
	lower := strings.ToLower(s)
	xml := strings.HasPrefix(lower, "<?xml")
	for i := 0; i < len(lower); {
		k := strings.IndexByte(lower[i:], '<')
		if k < 0 {
			break
		}
		i += k
		switch rest := lower[i:]; {
		case strings.HasPrefix(rest, "<?"):
			i += 2
		case strings.HasPrefix(rest, "<!doctype html"):
			return KindHTML
		case strings.HasPrefix(rest, "<!doctype tei"):
			return KindTEI
		case strings.HasPrefix(rest, "<!--"):
			end := strings.Index(rest, "-->")
			if end < 0 {
				i = len(lower)
			} else {
				i += end + 3
			}
		case strings.HasPrefix(rest, "<!"):
			i += 2
		default:
			name := strings.TrimLeft(rest, "<")
			if at := strings.IndexAny(name, " \t\r\n/>"); at >= 0 {
				name = name[:at]
			}
			return markupKind(name, xml || strings.Contains(rest[:min(len(rest), 400)], "xmlns"))
		}
	}
	if xml {
		return KindXML
	}
	return KindText
}

func markupKind(name string, xml bool) Kind {
	if at := strings.IndexByte(name, ':'); at >= 0 && name != "html" {
		name = name[at+1:]
	}
	switch name {
	case "html":
		return KindHTML
	case "tei", "tei.2", "teicorpus":
		return KindTEI
	case "mediawiki":
		return KindWiki
	}
	if xml {
		return KindXML
	}
	switch {
	case name == "head" || name == "body" || name == "title" || name == "meta":
		return KindHTML
	case elements[name]:
		return KindPiece
	}
	return KindText
}

// elements of HTML with which a page, or a piece of one, may begin.
var elements = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields("link style script base div p h1 h2 h3 h4 h5 h6 table ul ol article main section header nav center font pre span a img form noscript br hr blockquote") {
		m[name] = true
	}
	return m
}()

// isJSON reports whether a text begins as a JSON value does that goes over lines.
func isJSON(s string) bool {
	d := json.NewDecoder(strings.NewReader(s))
	for n := 0; ; n++ {
		if _, err := d.Token(); err != nil {
			return n > 4 && err.Error() != "" && !strings.Contains(err.Error(), "invalid character") || n > 1 && utf8.ValidString(s) && json.Valid([]byte(s))
		}
	}
}
