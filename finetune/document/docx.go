package document

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
)

const (
	docxBody = "word/document.xml"
	mostXML  = 256 << 20 // bytes of one part, unpacked
)

var (
	docxParagraph = regexp.MustCompile(`(?s)<w:p[ >].*?</w:p>`)
	docxText      = regexp.MustCompile(`(?s)<w:t(?: [^>]*)?>(.*?)</w:t>`)
)

// readDocx reads the body of a Word document: each paragraph is a text. Its translation stands in
// the paragraph's first run, whose formatting it has; the texts of the other runs become empty.
// All other parts of the file stay byte by byte.
func readDocx(content string, _ Languages) (*Document, error) {
	z, err := zip.NewReader(strings.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	f, err := z.Open(docxBody)
	if err != nil {
		return nil, fmt.Errorf("no Word document: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostXML+1))
	if err != nil {
		return nil, err
	}
	if len(b) > mostXML {
		return nil, fmt.Errorf("%s has more than %d MB", docxBody, mostXML>>20)
	}
	d, body, at := new(Document), string(b), 0
	for _, p := range docxParagraph.FindAllStringIndex(body, -1) {
		runs := docxText.FindAllStringSubmatchIndex(body[p[0]:p[1]], -1)
		var text strings.Builder
		for _, r := range runs {
			text.WriteString(body[p[0]+r[2] : p[0]+r[3]])
		}
		if !hasLetter(text.String()) {
			continue
		}
		for k, r := range runs {
			d.raw(body[at : p[0]+r[0]])
			d.raw(`<w:t xml:space="preserve">`)
			if k == 0 {
				d.add(docxPlain.Replace(text.String()), docxEscape.Replace)
			}
			d.raw("</w:t>")
			at = p[0] + r[1]
		}
	}
	d.raw(body[at:])
	d.save = func(w io.Writer, body string) error { return saveDocx(w, z, body) }
	return d, nil
}

var (
	docxPlain  = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&")
	docxEscape = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;")
)

// saveDocx copies all parts but the body as they are.
func saveDocx(w io.Writer, z *zip.Reader, body string) error {
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, f := range z.File {
		if f.Name != docxBody {
			if err := out.Copy(f); err != nil {
				return err
			}
			continue
		}
		part, err := out.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: f.Modified})
		if err != nil {
			return err
		}
		if _, err := io.WriteString(part, body); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
