package corpus

import (
	"strings"

	"fragua/pipeline/textstat"
)

// passages cuts documents that are longer than this many words between paragraphs, into
// pieces of about that length; a paragraph is never cut. Pieces are numbered through the
// file, as chapters are, so that each has an id of its own.
func passages(docs []*Document, words int) []*Document {
	if words <= 0 {
		return docs
	}
	var out []*Document
	for _, d := range docs {
		for _, text := range cutText(d.Text, words) {
			piece := *d
			at := NewDocument(d.Source, d.Path, docs[0].Offset+int64(len(out)))
			piece.ID, piece.Offset, piece.Text = at.ID, at.Offset, text
			out = append(out, &piece)
		}
	}
	return out
}

// cutText divides a text into runs of paragraphs: each ends with the paragraph that
// fills it, and a rest shorter than half a passage stays with the one before.
func cutText(text string, words int) []string {
	const gap = "\n\n"
	var pieces []string
	var run []string
	n := 0
	for paragraph := range strings.SplitSeq(text, gap) {
		run = append(run, paragraph)
		if n += textstat.CountWords(paragraph); n >= words {
			pieces = append(pieces, strings.Join(run, gap))
			run, n = nil, 0
		}
	}
	rest := strings.Join(run, gap)
	switch {
	case len(run) == 0:
	case len(pieces) > 0 && n < words/2:
		pieces[len(pieces)-1] += gap + rest
	default:
		pieces = append(pieces, rest)
	}
	return pieces
}
