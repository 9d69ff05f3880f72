package corpus

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"fragua/pipeline/settings"
	"fragua/pipeline/textstat"
)

// ReadFile reads one file as the source of its kind does, without any steps; one
// whose extension tells nothing as a book.
func ReadFile(ctx context.Context, name string) (docs []*Document, err error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	source := Source(NewBooks())
	if list := sourcesOf(name); len(list) > 0 {
		source = list[0]
	}
	source.raw().Path = settings.Path{Written: name, Abs: abs}
	parts, err := source.Parts(ctx, 1<<62)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		for d, err := range source.Read(ctx, part) {
			if errors.As(err, new(*Skipped)) {
				continue
			}
			if err != nil {
				return docs, err
			}
			docs = append(docs, d)
		}
	}
	return docs, nil
}

// A Signal is one number about a text, under the name of the setting that limits
// it.
type Signal struct {
	Name  string
	Value float64
}

// Signals returns what the steps measure of a text, and its language.
func Signals(text string) (language string, signals []Signal) {
	q, r := textstat.MeasureQuality(text), textstat.MeasureRepetition(text)
	language, score := textstat.Language(text)
	stop, _ := new(GopherQuality).stopWords(&Document{Text: text, Language: language})
	return language, []Signal{
		{"language.score", score},
		{"gopher_quality.words", float64(q.Words)},
		{"gopher_quality.mean_length", q.MeanLength},
		{"gopher_quality.hashes", q.Hashes},
		{"gopher_quality.ellipses", q.Ellipses},
		{"gopher_quality.bullet_lines", q.BulletLines},
		{"gopher_quality.ellipsis_ends", q.EllipsisEnds},
		{"gopher_quality.alpha_words", q.AlphaWords},
		{"gopher_quality.stop_words", float64(stop)},
		{"repetition.paragraphs", r.DuplicateParas},
		{"repetition.paragraph_chars", r.ParaChars},
		{"repetition.lines", r.DuplicateLines},
		{"repetition.line_chars", r.LineChars},
	}
}

// String writes a verdict in a line: what was measured, and the limit.
func (v Verdict) String() string {
	switch {
	case v.Err != nil:
		return fmt.Sprintf("%s: %s: failed: %v", v.Stage, v.Step, v.Err)
	case v.Drop.Rule != "":
		s := fmt.Sprintf("%s: %s: dropped by %s: %.4g, limit %.4g", v.Stage, v.Step, v.Drop.Rule, v.Drop.Value, v.Drop.Limit)
		if v.Drop.Note != "" {
			s += " (" + v.Drop.Note + ")"
		}
		return s
	case v.Split != "":
		return fmt.Sprintf("%s: %s: kept in %s", v.Stage, v.Step, v.Split)
	}
	s := fmt.Sprintf("%s: %s: kept, %d words", v.Stage, v.Step, v.Words)
	if v.Neighbor != "" {
		s += fmt.Sprintf("; nearest is document %s, similarity %.3f", v.Neighbor, v.Similarity)
	}
	return s
}
