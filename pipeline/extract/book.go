package extract

import (
	"errors"
	"fmt"
	"strings"
)

// A Book is what a file of a book says: EPUB, TEI, DOCX. Fields that it does not
// name are empty.
type Book struct {
	Title    string
	Author   string    // of several, the first
	Date     string    // ISO 8601, to the precision known
	Language string    // ISO 639-1, or 639-3 where there is none
	License  string    // a licence, or who holds the rights
	Chapters []Chapter // in the order of reading; one if nothing parts them
	Broken   []error   // of parts that could not be read; the others are there
}

// Text returns the text of all chapters.
func (b *Book) Text() string {
	var texts []string
	for _, c := range b.Chapters {
		texts = append(texts, c.Text)
	}
	return strings.Join(texts, "\n\n")
}

// ErrTooLarge is wrapped by errors about what unpacks to more than is allowed.
var ErrTooLarge = errors.New("unpacks to more than max_bytes allows")

// A PartError is why a part of a book could not be read.
type PartError struct {
	Part string // its name
	Err  error
}

func (e *PartError) Error() string { return fmt.Sprintf("part %q: %v", e.Part, e.Err) }
func (e *PartError) Unwrap() error { return e.Err }

// marks stand in a text, as paragraphs of their own, where chapters begin.
const markOpen, markClose = "\uE0F0", "\uE0F1"

func mark(i int) string { return fmt.Sprintf("%s%d%s", markOpen, i, markClose) }

// cutAtMarks makes chapters of a text with marks; names are theirs, by number.
func cutAtMarks(text string, names []Chapter) (chapters []Chapter) {
	for i, piece := range strings.Split(text, markOpen) {
		c := Chapter{}
		if i > 0 {
			number, rest, ok := strings.Cut(piece, markClose)
			n := -1
			if _, err := fmt.Sscan(number, &n); !ok || err != nil || n < 0 || n >= len(names) {
				continue
			}
			c, piece = names[n], rest
		}
		if c.Text = strings.Trim(piece, "\n"); strings.TrimSpace(c.Text) != "" {
			chapters = append(chapters, c)
		}
	}
	return chapters
}
