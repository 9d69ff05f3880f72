package studio

import (
	"slices"

	"fragua/finetune/metric"
	"fragua/pipeline"
	"fragua/pipeline/shard"
)

const (
	extremes      = 8      // worst and best translations that are shown
	translatedMax = 50_000 // rows that are scored
)

// A scored row is a translation with its chrF.
type scoredRow struct {
	Row              int64
	Input, Want, Got string
	Score            float64
}

// extremeTranslations returns the worst and the best answers of a stage whose
// answers are texts; none for a stage that judges.
func extremeTranslations(dir pipeline.Dir) (worst, best []scoredRow, err error) {
	var rows []scoredRow
	n := int64(0)
	for _, name := range dir.Files("predictions-*.parquet") {
		f, err := shard.OpenParquet(name)
		if err != nil {
			return nil, nil, err
		}
		for row, err := range f.Records(0, len(f.RowGroups()), []string{"input", "want", "got", "probs"}) {
			if err != nil {
				f.Close()
				return nil, nil, err
			}
			if probs, _ := row["probs"].([]any); len(probs) > 0 || n == translatedMax {
				break
			}
			r := scoredRow{Row: n}
			r.Input, _ = row["input"].(string)
			r.Want, _ = row["want"].(string)
			r.Got, _ = row["got"].(string)
			n++
			if r.Want == "" {
				continue
			}
			var c metric.ChrF
			r.Score = c.Score(c.Stats(r.Got, r.Want))
			rows = append(rows, r)
		}
		if err := f.Close(); err != nil {
			return nil, nil, err
		}
	}
	slices.SortStableFunc(rows, func(a, b scoredRow) int {
		switch {
		case a.Score < b.Score:
			return -1
		case a.Score > b.Score:
			return 1
		}
		return 0
	})
	few := min(extremes, len(rows)/2)
	worst = rows[:few]
	best = slices.Clone(rows[len(rows)-few:])
	slices.Reverse(best)
	return worst, best, nil
}
