package extract

import (
	"bytes"
	"strings"
)

// A blockWriter lays out text as blocks parted by blank lines. White space within
// a line is one space.
type blockWriter struct {
	out   strings.Builder
	block []byte   // the open one
	space bool     // is due before the next word
	stack [][]byte // blocks that were begun before one inside of them
}

// text adds text to the open line.
func (w *blockWriter) text(s string) {
	for i, word := range strings.FieldsFunc(s, isBlank) {
		if (i > 0 || w.space || isBlank(rune(s[0]))) && len(w.block) > 0 && !w.atLineStart() {
			w.block = append(w.block, ' ')
		}
		w.block = append(w.block, word...)
		w.space = false
	}
	if s != "" && isBlank(rune(s[len(s)-1])) {
		w.space = true
	}
}

func isBlank(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' }

func (w *blockWriter) atLineStart() bool {
	n := len(w.block)
	return n == 0 || w.block[n-1] == '\n' || w.block[n-1] == '\t'
}

// joined joins what comes to the last word: a line broke within it. A hyphen at
// its end goes.
func (w *blockWriter) joined() {
	w.block = bytes.TrimSuffix(bytes.TrimRight(w.block, " "), []byte("-"))
	w.space = false
}

// tab parts two cells of a row.
func (w *blockWriter) tab() {
	if !w.atLineStart() {
		w.block = append(w.block, '\t')
	}
	w.space = false
}

// endLine ends the open line.
func (w *blockWriter) endLine() {
	if !w.atLineStart() {
		w.block = append(w.block, '\n')
	}
	w.space = false
}

// endBlock ends the open block.
func (w *blockWriter) endBlock() {
	if b := bytes.TrimSpace(w.block); len(b) > 0 {
		if w.out.Len() > 0 {
			w.out.WriteString("\n\n")
		}
		w.out.Write(b)
	}
	w.block, w.space = w.block[:0], false
}

// push begins a block inside of the open one; pop ends it and returns its text.
func (w *blockWriter) push() {
	w.stack = append(w.stack, w.block)
	w.block, w.space = nil, false
}

func (w *blockWriter) pop() string {
	s := string(w.block)
	w.block = nil
	if n := len(w.stack); n > 0 {
		w.block, w.stack = w.stack[n-1], w.stack[:n-1]
	}
	w.space = false
	return s
}

// cut returns the text of the open block, and begins it again.
func (w *blockWriter) cut() string {
	s := string(w.block)
	w.block, w.space = w.block[:0], false
	return s
}

// take returns all blocks, and starts again.
func (w *blockWriter) take() string {
	w.endBlock()
	s := w.out.String()
	w.out.Reset()
	return s
}
