package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Why a file or a page of one is not read.
var (
	ErrNoTextLayer = errors.New("no text layer: it is a picture; recognise its text first, for example with ocrmypdf")
	ErrLocked      = errors.New("locked with a password")
	ErrDamaged     = errors.New("damaged: it is no PDF that can be read")
)

// A Document is what a PDF says.
type Document struct {
	Title, Author string
	Text          string // paragraphs, a blank line between them
	Pages         int
	Pictures      []int // numbers, from 1, of pages that are pictures without a text layer
}

// Limits of a file.
const (
	maxMemoryPages = 1 << 30 >> 16 // of 64 kB, for each file at work
	maxPageChars   = 1 << 20
)

// module is PDFium, compiled at first use.
var module = sync.OnceValues(func() (pdfium.Pool, error) {
	cache := wazero.NewCompilationCache()
	if dir, err := os.UserCacheDir(); err == nil {
		if kept, err := wazero.NewCompilationCacheWithDir(filepath.Join(dir, "fragua")); err == nil {
			cache = kept
		}
	}
	return webassembly.Init(webassembly.Config{
		MaxTotal:     64,
		FSConfig:     wazero.NewFSConfig(), // it sees no files, so fonts of the machine change nothing
		Stdout:       io.Discard,
		Stderr:       io.Discard,
		RandomSource: zeros{},
		RuntimeConfig: wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithMemoryLimitPages(maxMemoryPages).WithCloseOnContextDone(true).WithCompilationCache(cache),
	})
})

// zeros is a source of random bytes that are the same in each run.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// Read reads the text layer of a PDF. An error wraps ErrNoTextLayer if all its pages are
// pictures, ErrLocked, or ErrDamaged; or ctx ended.
func Read(ctx context.Context, b []byte) (Document, error) {
	pool, err := module()
	if err != nil {
		return Document{}, fmt.Errorf("PDFium does not start: %w", err)
	}
	instance, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return Document{}, err
	}
	type result struct {
		doc Document
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { // PDFium ran out of its memory, or reached what it takes for impossible
			if p := recover(); p != nil {
				done <- result{err: fmt.Errorf("%w (%v)", ErrDamaged, p)}
			}
		}()
		doc, err := (&reader{instance}).read(b)
		done <- result{doc, err}
	}()
	select {
	case r := <-done:
		instance.Close()
		return r.doc, r.err
	case <-ctx.Done():
		instance.Kill()
		<-done
		return Document{}, context.Cause(ctx)
	}
}

type reader struct{ pdfium.Pdfium }

func (r *reader) read(b []byte) (doc Document, err error) {
	opened, err := r.OpenDocument(&requests.OpenDocument{File: &b})
	switch {
	case errors.Is(err, pdfiumerrors.ErrPassword), errors.Is(err, pdfiumerrors.ErrSecurity):
		return doc, ErrLocked
	case err != nil:
		return doc, fmt.Errorf("%w (%v)", ErrDamaged, err)
	}
	doc.Title, doc.Author = r.meta(opened.Document, "Title"), r.meta(opened.Document, "Author")
	count, err := r.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: opened.Document})
	if err != nil {
		return doc, fmt.Errorf("%w (%v)", ErrDamaged, err)
	}
	doc.Pages = count.PageCount
	pages := make([]page, doc.Pages)
	for i := range pages {
		loaded, err := r.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: opened.Document, Index: i})
		if err != nil {
			continue // a page that is not there
		}
		p := requests.Page{ByReference: &loaded.Page}
		if pages[i], err = r.page(p); err != nil {
			return doc, fmt.Errorf("page %d: %w", i+1, err)
		}
		if len(pages[i].lines) == 0 && r.hasPicture(p) {
			doc.Pictures = append(doc.Pictures, i+1)
		}
		if _, err := r.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page}); err != nil {
			return doc, fmt.Errorf("page %d: %w", i+1, err)
		}
	}
	dropFurniture(pages)
	if doc.Text = paragraphs(pages); doc.Text == "" && len(doc.Pictures) > 0 {
		return doc, ErrNoTextLayer
	}
	return doc, nil
}

// meta is an entry of the file's own description. Names of files and programs are none.
func (r *reader) meta(doc references.FPDF_DOCUMENT, tag string) string {
	m, err := r.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: doc, Tag: tag})
	if err != nil {
		return ""
	}
	s := strings.Join(strings.Fields(strings.ToValidUTF8(m.Value, "")), " ")
	if strings.HasPrefix(s, "Microsoft Word - ") || strings.EqualFold(s, "untitled") || strings.Contains(s, `\`) || len(s) > 4 && s[len(s)-4] == '.' && !strings.Contains(s, " ") {
		return ""
	}
	return s
}

// page reads the lines of a page.
func (r *reader) page(p requests.Page) (out page, err error) {
	size, err := r.FPDF_GetPageHeight(&requests.FPDF_GetPageHeight{Page: p})
	if err != nil {
		return out, err
	}
	out.height = size.Height
	loaded, err := r.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: p})
	if err != nil {
		return out, nil // nothing that PDFium takes for text
	}
	text := loaded.TextPage
	defer r.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text})
	chars, err := r.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: text})
	if err != nil {
		return out, err
	}
	if chars.Count > maxPageChars {
		return out, fmt.Errorf("%d characters on one page", chars.Count)
	}
	var letters []rune
	first, last := -1, -1
	end := func() error {
		s := strings.Join(strings.Fields(string(letters)), " ")
		letters = letters[:0]
		if s == "" || first < 0 {
			return nil
		}
		l, err := r.line(text, first, last)
		l.text = s
		out.lines = append(out.lines, l)
		first = -1
		return err
	}
	for i := range chars.Count {
		c, err := r.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: text, Index: i})
		if err != nil {
			return out, err
		}
		switch u := rune(c.Unicode); u {
		case '\n':
			err = end()
		case hyphen:
			letters, last = append(letters, '-'), i
			err = end()
		case 0, '\ufffe', '\uffff':
		case ' ', '\r', '\t', '\u00a0':
			letters = append(letters, ' ')
		default:
			if first < 0 {
				first = i
			}
			letters, last = append(letters, u), i
		}
		if err != nil {
			return out, err
		}
	}
	return out, end()
}

// hyphen is how PDFium marks one at a line end.
const hyphen = '\x02'

// line tells where the characters first to last stand.
func (r *reader) line(text references.FPDF_TEXTPAGE, first, last int) (l line, err error) {
	left, err := r.FPDFText_GetCharBox(&requests.FPDFText_GetCharBox{TextPage: text, Index: first})
	if err != nil {
		return l, err
	}
	right, err := r.FPDFText_GetCharBox(&requests.FPDFText_GetCharBox{TextPage: text, Index: last})
	if err != nil {
		return l, err
	}
	origin, err := r.FPDFText_GetCharOrigin(&requests.FPDFText_GetCharOrigin{TextPage: text, Index: first})
	if err != nil {
		return l, err
	}
	size, err := r.FPDFText_GetFontSize(&requests.FPDFText_GetFontSize{TextPage: text, Index: first})
	if err != nil {
		return l, err
	}
	scale := 1.0
	if m, err := r.FPDFText_GetMatrix(&requests.FPDFText_GetMatrix{TextPage: text, Index: first}); err == nil {
		scale = max(abs(float64(m.Matrix.D)), abs(float64(m.Matrix.B)))
	}
	return line{left: left.Left, right: right.Right, y: origin.Y, size: size.FontSize * scale}, nil
}

// hasPicture reports whether an image is among the first things on a page.
func (r *reader) hasPicture(p requests.Page) bool {
	n, err := r.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: p})
	if err != nil {
		return false
	}
	for i := range min(n.Count, 100) {
		o, err := r.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: p, Index: i})
		if err != nil {
			return false
		}
		t, err := r.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: o.PageObject})
		if err == nil && (t.Type == enums.FPDF_PAGEOBJ_IMAGE || t.Type == enums.FPDF_PAGEOBJ_FORM) {
			return true
		}
	}
	return false
}
