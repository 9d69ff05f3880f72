package studio

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

// errNotFound is answered with 404.
var errNotFound = fs.ErrNotExist

// A tokenView is one token of a block.
type tokenView struct {
	Text  string
	ID    int32
	Shade int  // of its background, so that neighbours can be told apart
	Start bool // a document begins here
	Pad   bool // no text: it has no loss
	Break bool // a line ends behind it
}

// blocks shows a row of packed tokens as text in colour.
func (s *Studio) blocks(w http.ResponseWriter, r *http.Request) error {
	run, dir, err := s.openStage(r)
	if err != nil {
		return err
	}
	files := dir.Files("*.arrow")
	name := r.FormValue("file")
	var file string
	var names []string
	for _, f := range files {
		short := f[strings.LastIndexAny(f, `/\`)+1:]
		names = append(names, short)
		if short == name || name == "" && file == "" {
			file, name = f, short
		}
	}
	if file == "" {
		return fmt.Errorf("stage %s has no blocks %q: %w", dir.Manifest.Stage, name, errNotFound)
	}
	f, err := blocks.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	tok, err := tokenize.Load(dir.File("tokenizer.json"))
	if err != nil {
		return err
	}
	at := min(number(r, "row", 0, 0), int64(f.Len()-1))
	var tokens []tokenView
	length := 0
	if at >= 0 {
		ids, starts, n, err := f.Row(int(at), nil)
		if err != nil {
			return err
		}
		length = n
		for i, id := range ids {
			text := tok.Decode([]int32{id})
			if !utf8.ValidString(text) {
				text = fmt.Sprintf("‹% X›", text)
			}
			tokens = append(tokens, tokenView{Text: strings.ReplaceAll(text, "\n", "⏎"), ID: id, Shade: i % 5, Start: slices.Contains(starts, int32(i)), Pad: i >= n, Break: strings.Contains(text, "\n")})
		}
	}
	return s.page(w, "blocks.html", map[string]any{"Title": "blocks of " + dir.Manifest.Stage, "Run": run.Path, "Stage": dir.Manifest.Stage, "File": name, "Files": names,
		"Row": at, "Last": f.Len() - 1, "Context": f.Context(), "Length": length, "Tokens": tokens})
}
