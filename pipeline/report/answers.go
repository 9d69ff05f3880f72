package report

import (
	"cmp"
	"encoding/json"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

const (
	answersShown = 3 // texts of a cell
	answersRunes = 240
	answersCells = 30 // beyond this many pairs of labels a list says little
)

// An answerCell is a pair of a true label and another that was predicted, with the
// texts about which the model was surest.
type answerCell struct {
	Want, Got string
	N         int64
	Texts     []answerText
}

type answerText struct {
	Text string
	Prob float64 // of the predicted label; 0: not known
}

// answersOf lists the errors of a stage that predicts labels, the most frequent
// pair first. Where answers are texts there are no pairs to count, and none is
// returned.
func answersOf(dir pipeline.Dir) ([]answerCell, error) {
	type pair struct{ want, got string }
	cells := map[pair]*answerCell{}
	for _, name := range dir.Files("predictions-*.parquet") {
		f, err := shard.OpenParquet(name)
		if err != nil {
			return nil, err
		}
		for row, err := range f.Records(0, len(f.RowGroups()), []string{"input", "want", "got", "probs"}) {
			if err != nil {
				f.Close()
				return nil, err
			}
			want, got := text(row["want"]), text(row["got"])
			probs, _ := row["probs"].([]any)
			if want == "" || want == got || len(probs) == 0 {
				continue
			}
			c := cells[pair{want, got}]
			if c == nil {
				c = &answerCell{Want: want, Got: got}
				cells[pair{want, got}] = c
			}
			c.N++
			c.Texts = append(c.Texts, answerText{excerpt(text(row["input"]), answersRunes), greatest(probs)})
			slices.SortStableFunc(c.Texts, func(a, b answerText) int { return cmp.Compare(b.Prob, a.Prob) })
			c.Texts = c.Texts[:min(len(c.Texts), answersShown)]
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	var out []answerCell
	for _, c := range cells {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b answerCell) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Want, b.Want), cmp.Compare(a.Got, b.Got))
	})
	return out[:min(len(out), answersCells)], nil
}

func greatest(probs []any) (most float64) {
	for _, p := range probs {
		if p, ok := p.(json.Number); ok {
			if v, err := p.Float64(); err == nil {
				most = max(most, v)
			}
		}
	}
	return most
}
