package corpus

import (
	"context"
	"errors"
	"fmt"

	"fragua/pipeline/settings"
	"fragua/pipeline/store"
	"fragua/pipeline/textstat"
)

// ReadFile reads one file as the source of its kind does, without any steps; one
// whose extension tells nothing as a book.
func ReadFile(ctx context.Context, name string) (docs []*Document, err error) {
	abs, err := store.Abs(name)
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

// A Signal is one number about a text, under the name of the step and the setting
// that limits it.
type Signal struct {
	Name  string
	Value float64
}

// MeasureText returns what the steps measure of a text, and its language.
func MeasureText(text string) (language string, signals []Signal) {
	d := &Document{Text: text}
	d.Language, d.LanguageScore = textstat.Language(text)
	s := d.signals()
	return d.Language, []Signal{
		{"language.score", d.LanguageScore},
		{"gopher_quality.words", float64(s.Words)},
		{"gopher_quality.mean_length", s.MeanLength},
		{"gopher_quality.hashes", s.Hashes},
		{"gopher_quality.ellipses", s.Ellipses},
		{"gopher_quality.bullet_lines", s.BulletLines},
		{"gopher_quality.ellipsis_ends", s.EllipsisEnds},
		{"gopher_quality.alpha_words", s.AlphaWords},
		{"gopher_quality.stop_words", float64(s.StopWords)},
		{"repetition.paragraphs", s.DuplicateParas},
		{"repetition.paragraph_chars", s.ParagraphChars},
		{"repetition.lines", s.DuplicateLines},
		{"repetition.line_chars", s.LineChars},
		{"repetition.top_2_gram", s.Top2},
		{"repetition.top_3_gram", s.Top3},
		{"repetition.top_4_gram", s.Top4},
		{"repetition.duplicate_5_grams", s.Duplicate5},
		{"repetition.duplicate_6_grams", s.Duplicate6},
		{"repetition.duplicate_7_grams", s.Duplicate7},
		{"repetition.duplicate_8_grams", s.Duplicate8},
		{"repetition.duplicate_9_grams", s.Duplicate9},
		{"repetition.duplicate_10_grams", s.Duplicate10},
		{"fineweb.terminal_lines", s.TerminalLines},
		{"fineweb.short_lines", s.ShortLines},
		{"fineweb.repeated_line_chars", s.RepeatedLines},
		{"fineweb.line_breaks_per_word", s.LineBreaks},
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
