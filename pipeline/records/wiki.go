package records

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Wiki is XML dumps of MediaWiki, as Wikipedia publishes them: <page> and </page>
// stand on lines of their own.
type Wiki struct {
	Max int64 // bytes of a page
}

// A WikiPage is a page of a dump: its latest revision there.
type WikiPage struct {
	Offset    int64  `xml:"-"` // of <page>, in the unpacked file
	Title     string `xml:"title"`
	Namespace int    `xml:"ns"`
	ID        int64  `xml:"id"`
	Redirect  *struct {
		Title string `xml:"title,attr"`
	} `xml:"redirect"`
	Revisions []struct {
		Time  string `xml:"timestamp"`
		Model string `xml:"model"`
		Text  string `xml:"text"`
	} `xml:"revision"`
}

// Divide divides a file that is not packed by bytes. A page belongs to the range
// in which it begins.
func (w Wiki) Divide(_ context.Context, f File, size int64) ([]Range, error) {
	return divideLines(f, size)
}

// Read yields the pages that begin in a range.
func (w Wiki) Read(ctx context.Context, f File, r Range) iter.Seq2[WikiPage, error] {
	return func(yield func(WikiPage, error) bool) {
		in, err := Open(ctx, f.Path)
		if err != nil {
			yield(WikiPage{}, lost(f, 0, 0, err))
			return
		}
		defer in.Close()
		lines := lineReader{in: in, file: f, max: w.Max, to: -1}
		if err := lines.start(r); err != nil {
			yield(WikiPage{}, lost(f, lines.offset, 0, err))
			return
		}
		to := lines.to
		lines.to = -1 // a page may go on in the next range
		var page bytes.Buffer
		open, long := int64(-1), false
		for {
			if ctx.Err() != nil {
				yield(WikiPage{}, context.Cause(ctx))
				return
			}
			line, err := lines.next()
			text := bytes.TrimSpace(line.Text)
			var bad *Failure
			switch {
			case err == io.EOF && open < 0:
				return
			case err == io.EOF:
				yield(WikiPage{}, &Failure{File: f.Name, Offset: open, Lost: &Lost{Rows: -1, Bytes: max(0, f.Size-open)}, Err: errors.New("the page is cut short")})
				return
			case errors.As(err, &bad) && bad.Lost == nil:
				long = true // the page fails when it ends
				if open < 0 {
					open = line.Offset
				}
			case err != nil:
				yield(WikiPage{}, err)
				return
			}
			if open < 0 || bytes.Equal(text, []byte("<page>")) {
				if bytes.Equal(text, []byte("<page>")) {
					if to >= 0 && line.Offset >= to {
						return
					}
					open, long = line.Offset, false
					page.Reset()
					page.WriteString("<page>\n")
				} else if to >= 0 && line.Offset >= to {
					return
				}
				continue
			}
			if !long {
				page.Write(line.Text)
				page.WriteByte('\n')
				long = int64(page.Len()) > w.Max
			}
			if !bytes.HasSuffix(text, []byte("</page>")) {
				continue
			}
			p := WikiPage{Offset: open}
			err = nil
			if long {
				err = fmt.Errorf("the page is longer than %d bytes: %w", w.Max, errTooLong)
			} else if err = xml.Unmarshal(page.Bytes(), &p); err != nil {
				err = fmt.Errorf("no XML: %w", err)
			}
			if err != nil {
				err = &Failure{File: f.Name, Offset: open, Err: err}
			}
			open, long = -1, false
			if !yield(p, err) {
				return
			}
		}
	}
}
