package report

import "fragua/pipeline"

// A modelRow is a language model in the table that sets those of a run side by side.
type modelRow struct {
	Stage, Use string           // of the baseline that knows nothing, no stage
	Bits       pipeline.Figure  // per byte of held-out text
	Parameters *pipeline.Figure // nil: it counts n-grams
	NGrams     float64          // that an n-gram model holds
	Tokens     *pipeline.Figure // trained on; nil: not known
	Seconds    float64          // of the stage: training and measuring
	Sample     string           // the last text that it wrote
}

// Rate is how many tokens a second were learned from, measuring included; 0: not known.
func (r modelRow) Rate() float64 {
	if r.Tokens == nil || r.Seconds <= 0 {
		return 0
	}
	return r.Tokens.Value / r.Seconds
}

// modelsOf is a row for each stage that measured the bits per byte of its own model, if there are two or
// more: one alone needs no table.
func modelsOf(stages []stageView) (rows []modelRow) {
	for _, s := range stages {
		if s.Manifest == nil || s.Manifest.Kind != pipeline.Model {
			continue
		}
		if rows == nil {
			for _, f := range s.Metrics.Figures {
				if f.Name == "bits per byte" && f.Note == pipeline.UniformName {
					rows = append(rows, modelRow{Use: f.Note, Bits: f})
				}
			}
		}
		row := modelRow{Stage: s.Info.Name, Use: s.Info.Use, Seconds: s.Info.Seconds}
		found := false
		for i, f := range s.Metrics.Figures {
			switch {
			case f.Name == "bits per byte" && !found:
				row.Bits, found = f, true
			case f.Name == "parameters":
				row.Parameters = &s.Metrics.Figures[i]
			case f.Name == "tokens seen" || f.Name == "tokens counted":
				row.Tokens = &s.Metrics.Figures[i]
			case len(f.Name) == len("1-grams") && f.Name[1:] == "-grams":
				row.NGrams += f.Value
			}
		}
		if n := len(s.Metrics.Samples); n > 0 {
			row.Sample = s.Metrics.Samples[n-1].Text
		}
		if found {
			rows = append(rows, row)
		}
	}
	if len(rows) < 2 || len(rows) == 2 && rows[0].Stage == "" {
		return nil
	}
	return rows
}
