package corpus

import "fragua/pipeline/textstat"

// Signals are the measures of a document's text, as `signals: true` stores them in
// the column `signals`; each stands under the name of the setting that limits it.
type Signals struct {
	Tokens       int64   `parquet:"tokens"`        // words and punctuation
	Words        int64   `parquet:"words"`         // gopher_quality
	MeanLength   float64 `parquet:"mean_length"`   //
	Hashes       float64 `parquet:"hashes"`        //
	Ellipses     float64 `parquet:"ellipses"`      //
	BulletLines  float64 `parquet:"bullet_lines"`  //
	EllipsisEnds float64 `parquet:"ellipsis_ends"` //
	AlphaWords   float64 `parquet:"alpha_words"`   //
	StopWords    int64   `parquet:"stop_words"`    //

	Paragraphs     int64   `parquet:"paragraphs"`           // how many there are
	DuplicateParas float64 `parquet:"duplicate_paragraphs"` // repetition
	ParagraphChars float64 `parquet:"paragraph_chars"`      //
	Lines          int64   `parquet:"lines"`                // how many there are, blank ones aside
	DuplicateLines float64 `parquet:"duplicate_lines"`      //
	LineChars      float64 `parquet:"line_chars"`           //
	Top2           float64 `parquet:"top_2_gram"`           //
	Top3           float64 `parquet:"top_3_gram"`           //
	Top4           float64 `parquet:"top_4_gram"`           //
	Duplicate5     float64 `parquet:"duplicate_5_grams"`    //
	Duplicate6     float64 `parquet:"duplicate_6_grams"`    //
	Duplicate7     float64 `parquet:"duplicate_7_grams"`    //
	Duplicate8     float64 `parquet:"duplicate_8_grams"`    //
	Duplicate9     float64 `parquet:"duplicate_9_grams"`    //
	Duplicate10    float64 `parquet:"duplicate_10_grams"`   //

	TerminalLines float64 `parquet:"terminal_lines"`       // fineweb
	ShortLines    float64 `parquet:"short_lines"`          //
	RepeatedLines float64 `parquet:"repeated_line_chars"`  //
	LineBreaks    float64 `parquet:"line_breaks_per_word"` //

	Quality    *float64 `parquet:"quality,optional"`    // null: no step measured it
	Perplexity *float64 `parquet:"perplexity,optional"` //
}

// scores are what models say of a document.
type scores struct{ quality, perplexity *float64 }

// signals measures all of a document.
func (d *Document) signals() *Signals {
	m := d.measure("")
	q, r, n, l := m.Quality(), m.Repetition(), m.NGrams(), m.Lines()
	stop, _ := new(GopherQuality).stopWords(d)
	return &Signals{
		Tokens: int64(q.Tokens), Words: int64(q.Words), MeanLength: q.MeanLength, Hashes: q.Hashes, Ellipses: q.Ellipses,
		BulletLines: q.BulletLines, EllipsisEnds: q.EllipsisEnds, AlphaWords: q.AlphaWords, StopWords: stop,
		Paragraphs: int64(r.Paragraphs), DuplicateParas: r.DuplicateParas, ParagraphChars: r.ParaChars,
		Lines: int64(r.Lines), DuplicateLines: r.DuplicateLines, LineChars: r.LineChars,
		Top2: n.Top[2], Top3: n.Top[3], Top4: n.Top[4], Duplicate5: n.Duplicate[5], Duplicate6: n.Duplicate[6], Duplicate7: n.Duplicate[7],
		Duplicate8: n.Duplicate[8], Duplicate9: n.Duplicate[9], Duplicate10: n.Duplicate[10],
		TerminalLines: l.Terminal, ShortLines: l.Short, RepeatedLines: l.Duplicates, LineBreaks: l.Breaks,
		Quality: d.scores.quality, Perplexity: d.scores.perplexity,
	}
}

// recall makes of stored signals what measuring the text would give.
func (d *Document) recall(s *Signals) {
	d.Signals = s
	m := &d.measured
	*m = measured{text: d.Text}
	m.quality = &textstat.Quality{Words: int(s.Words), Tokens: int(s.Tokens), MeanLength: s.MeanLength, Hashes: s.Hashes, Ellipses: s.Ellipses,
		BulletLines: s.BulletLines, EllipsisEnds: s.EllipsisEnds, AlphaWords: s.AlphaWords}
	m.repetition = &textstat.Repetition{Lines: int(s.Lines), DuplicateLines: s.DuplicateLines, LineChars: s.LineChars,
		Paragraphs: int(s.Paragraphs), DuplicateParas: s.DuplicateParas, ParaChars: s.ParagraphChars}
	m.ngrams = &textstat.NGrams{Top: [5]float64{2: s.Top2, 3: s.Top3, 4: s.Top4},
		Duplicate: [11]float64{5: s.Duplicate5, 6: s.Duplicate6, 7: s.Duplicate7, 8: s.Duplicate8, 9: s.Duplicate9, 10: s.Duplicate10}}
	m.lines = &textstat.Lines{Lines: int(s.Lines), Terminal: s.TerminalLines, Short: s.ShortLines, Duplicates: s.RepeatedLines, Breaks: s.LineBreaks}
	m.stopWords, m.stopLanguage = s.StopWords, d.Language
	m.recalled = true
	d.scores = scores{s.Quality, s.Perplexity}
}
