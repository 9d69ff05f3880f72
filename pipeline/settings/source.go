package settings

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// sourceText is a configuration as it was written.
type sourceText struct {
	name  string
	bytes []byte
	lines []string
}

func newSource(name string, src []byte) *sourceText {
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	return &sourceText{name: name, bytes: src, lines: strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")}
}

// line returns a line, counted from 1.
func (s *sourceText) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// Root returns the root node of the one document. What is no YAML at all becomes
// one fault, and a nil node; hint says what to write into an empty file.
func (d *Decoder) Root(hint string) *yaml.Node {
	src := d.src.bytes
	at := func(line, column int) *yaml.Node { return &yaml.Node{Line: line, Column: column} }
	if i := invalidUTF8(src); i >= 0 {
		line := 1 + bytes.Count(src[:i], []byte("\n"))
		column := 1 + utf8.RuneCount(src[bytes.LastIndexByte(src[:i], '\n')+1:i])
		d.Fault(at(line, column), "", "save the file as UTF-8", "byte 0x%02X is not UTF-8", src[i])
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(src))
	var doc, second yaml.Node
	if err == nil {
		err = loader.Load(&doc)
	}
	if err == io.EOF || err == nil && (len(doc.Content) == 0 || IsNull(doc.Content[0])) {
		d.Fault(at(1, 1), "", hint, "there is nothing in this file")
		return nil
	}
	if err == nil {
		switch err = loader.Load(&second); err {
		case io.EOF:
			return doc.Content[0]
		case nil:
			d.Fault(&second, "", "keep one document in a file; the line --- begins another", "a second YAML document begins here")
			return nil
		}
	}
	var bad *yaml.LoadError
	if !errors.As(err, &bad) {
		d.Fault(at(1, 1), "", "", "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	// The mark of an unclosed bracket or quote is the end of the file; where it
	// was opened tells more.
	line, column, hint := bad.Mark.Line, bad.Mark.Column, ""
	message := bad.Message
	indent := d.src.line(line)
	indent = indent[:len(indent)-len(strings.TrimLeft(indent, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		column = 1 + strings.Index(indent, "\t")
		message, hint = "a tab stands in the indentation", "YAML takes spaces there: put two for each level"
	case strings.Contains(message, "end of stream"), strings.Contains(message, "',' or ']'"), strings.Contains(message, "',' or '}'"):
		if bad.ContextMark.Line > 0 {
			line, column = bad.ContextMark.Line, bad.ContextMark.Column
		}
		message, hint = "what is opened here is not closed", "look for a missing ] } or quote"
	case strings.Contains(message, "mapping values are not allowed"):
		message, hint = "a second `key: value` on one line, or wrong indentation", "align the key with its neighbours, or quote a text that holds a colon and a space"
	case strings.Contains(message, "cannot start any token"):
		message, hint = "no value can begin with this character", "quote the text"
	case strings.Contains(message, "did not find expected key"), strings.Contains(message, "did not find expected '-'"):
		message, hint = "this line does not go on with what stands above it", "align it with its neighbours"
	case strings.Contains(message, "unknown anchor"):
		hint = "an alias (*name) needs its anchor (&name) further up; quote a text that begins with *"
	default:
		message = "not YAML: " + message
	}
	d.Fault(at(line, column), "", hint, "%s", message)
	return nil
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}
