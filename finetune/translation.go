package finetune

import (
	"context"
	"fmt"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// Translation is the goal of writing a sentence in another language. For a
// model with an encoder the source is one sequence and the target another; for
// a decoder alone both stand in one. Only the target is learned, its end included:
//
//	source … <|endoftext|>  →  <separator> target … <|endoftext|>
//	                                       └────── learned ─────┘
//	source … <separator> target … <|endoftext|>
//	                     └────── learned ─────┘
type Translation struct {
	TooLong   TooLong      `yaml:"too_long" doc:"What becomes of pairs longer than the context: error or drop. Required."`
	Reverse   bool         `yaml:"reverse" doc:"Translate from the targets of the examples to their sources: the model that back-translation asks for, trained on the same pairs with the same split."`
	Separator string       `yaml:"separator" doc:"The special token between source and target."`
	Smoothing float64      `yaml:"label_smoothing" doc:"Share of each target given to all other tokens alike."`
	Search    model.Search `yaml:"search" doc:"How translations are searched: beams 1 is greedy."`
	Noise     Noise        `yaml:"noise" doc:"What is changed in training pairs, so that typos and capitals are read, too."`
	Shortlist Shortlisting `yaml:"shortlist" doc:"For which ids the head is computed when translating; with an encoder only."`
	MaxRatio  float64      `yaml:"max_ratio" doc:"A translation has at most this many times the source's tokens, and ten."`
}

// NewTranslation returns the goal with its defaults: a greedy search, and the
// separator that fragua's tokenizers have. TooLong has no default.
func NewTranslation() *Translation {
	return &Translation{Separator: "<|translate|>", Smoothing: .1, Search: model.Search{Beams: 1, Penalty: model.ByLength, Alpha: 1},
		Shortlist: Shortlisting{Frequent: 200}, MaxRatio: 2}
}

// Check finds faults that types cannot show.
func (g *Translation) Check() []fault.Fault {
	faults := g.TooLong.fault(false)
	if g.TooLong != "" && g.TooLong != LongError && g.TooLong != LongDrop {
		faults = append(faults, fault.Fault{Path: "too_long", Err: fmt.Sprintf("%s cuts a sentence off its translation", g.TooLong), Hint: "error or drop"})
	}
	if g.Separator == "" {
		faults = append(faults, fault.Fault{Path: "separator", Err: "no separator", Hint: "<|translate|>"})
	}
	if g.Smoothing < 0 || g.Smoothing >= 1 {
		faults = append(faults, fault.Fault{Path: "label_smoothing", Err: fmt.Sprintf("%v is not in [0, 1)", g.Smoothing)})
	}
	for _, f := range g.Search.Check() {
		f.Path = "search." + f.Path
		faults = append(faults, f)
	}
	faults = append(faults, g.Noise.check()...)
	if g.Shortlist.Best < 0 || g.Shortlist.Frequent < 0 {
		faults = append(faults, fault.Fault{Path: "shortlist", Err: "best and frequent are not below 0", Hint: "best: 50, frequent: 200; best: 0 is off"})
	}
	if g.MaxRatio <= 0 {
		faults = append(faults, fault.Fault{Path: "max_ratio", Err: fmt.Sprintf("%v leaves no room for a translation", g.MaxRatio), Hint: "2"})
	}
	return faults
}

// Long is what to do with long pairs.
func (g *Translation) Long() TooLong { return g.TooLong }

// Metrics are what training may be stopped by.
func (g *Translation) Metrics() []string { return []string{"loss", "BLEU", "chrF2"} }

// Segments is the pair.
func (g *Translation) Segments(e examples.Example) []Segment {
	return append(g.Prompt(e), Segment{Text: e.Target, Learn: true}, Segment{Token: tokenize.EndOfText, Learn: true})
}

// Prompt is the source and the separator.
func (g *Translation) Prompt(e examples.Example) []Segment {
	return []Segment{{Text: e.Text, Source: true}, {Token: g.Separator}}
}

// Classes is none.
func (g *Translation) Classes(set []examples.Example) ([]string, error) {
	for _, e := range set {
		if e.Target == "" {
			return nil, fault.Hintf(fmt.Errorf("example %s has no target", e.ID), "translation needs pairs: label with source and target")
		}
	}
	return nil, nil
}

// Fill lays pairs out from the left; what is learned of position t is id t+1.
func (g *Translation) Fill(b *model.Batch, rows []sequence, _ int) {
	fillNext(b, rows)
	b.Source = laySource(b.Source, rows)
	b.Smoothing = float32(g.Smoothing)
}

// Build is the model as it is: it predicts tokens already.
func (g *Translation) Build(m model.Model, _ []string, _ []examples.Example, _ uint64) (train.Model, error) {
	return writer(m)
}

// Answer translates each example.
func (g *Translation) Answer(ctx context.Context, m *Tuned, set []examples.Example) ([]Prediction, error) {
	lm, rows, out, err := m.ask(set)
	if err != nil {
		return nil, err
	}
	for _, s := range rows {
		out[s.row].TooLong = false
	}
	search := g.Search
	search.End = m.Tokenizer.EndOfText()
	for _, at := range g.together(rows) {
		batch := pickRows(rows, at)
		prompts := make([][]int32, len(at))
		for i, s := range batch {
			prompts[i] = s.ids
		}
		search.Limit = func(i int) int {
			return max(0, min(int(g.MaxRatio*float64(batch[i].size()))+10, m.LM.Context()-len(batch[i].ids)))
		}
		var d model.Decoder
		if reader, ok := m.LM.(model.Seq2Seq); ok {
			d = reader.DecoderFor(laySource(nil, batch))
		} else {
			d = lm.Decoder()
		}
		if short, ok := d.(model.Shortlister); ok && m.shortlist != nil {
			search.Only = m.shortlist.of(batch, search.End)
			short.Only(search.Only)
		}
		found, err := model.Beam(ctx, d, prompts, search)
		if err != nil {
			return nil, err
		}
		for i, r := range at {
			for _, h := range found[i] {
				out[rows[r].row].Hypotheses = append(out[rows[r].row].Hypotheses,
					Hypothesis{examples.Tidy(m.Tokenizer.Decode(h.IDs)), h.LogProb, h.Score})
			}
			if len(found[i]) > 0 {
				out[rows[r].row].Got = out[rows[r].row].Hypotheses[0].Text
			}
		}
	}
	return out, nil
}

// rowsToTranslate and idsToTranslate bound what is translated at once: hypotheses, and ids of their
// sources with the padding.
const (
	rowsToTranslate = 256
	idsToTranslate  = 16384
)

// together yields the rows in batches of similar lengths: the indices of the rows of each.
func (g *Translation) together(rows []sequence) (batches [][]int32) {
	order := upTo(len(rows))
	byLength(rows, order)
	for len(order) > 0 {
		n, longest := 0, 0
		for n < len(order) {
			s := rows[order[n]]
			longest = max(longest, len(s.source), len(s.ids))
			if n > 0 && (n+1)*g.Search.Beams > rowsToTranslate || n > 0 && (n+1)*g.Search.Beams*longest > idsToTranslate {
				break
			}
			n++
		}
		batches, order = append(batches, order[:n]), order[n:]
	}
	return batches
}

// read reads examples, with the sides changed for a goal that reverses them.
func read(dirs []pipeline.Dir, g Goal) (map[string][]examples.Example, error) {
	sets, err := examples.Read(dirs)
	if t, ok := g.(*Translation); ok && t.Reverse {
		for _, set := range sets {
			for i, e := range set {
				set[i].Text, set[i].Target = e.Target, e.Text
			}
		}
	}
	return sets, err
}

// Baselines are the source itself and, where there are pairs to learn words
// from, each word by its likeliest translation.
func (g *Translation) Baselines(train, test []examples.Example, _ []string) ([]Baseline, error) {
	copied := Baseline{Name: CopyName}
	for _, e := range test {
		copied.Answers = append(copied.Answers, Prediction{ID: e.ID, Got: e.Text})
	}
	if len(train) == 0 {
		return []Baseline{copied}, nil
	}
	lexicon, words := FitLexicon(train), Baseline{Name: LexiconName}
	for _, e := range test {
		words.Answers = append(words.Answers, Prediction{ID: e.ID, Got: lexicon.Translate(e.Text)})
	}
	return []Baseline{copied, words}, nil
}
