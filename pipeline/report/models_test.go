package report

import (
	"testing"

	"fragua/pipeline"
)

// TestModelsOf: models that were measured stand side by side, each with its own figures; one alone does not.
func TestModelsOf(t *testing.T) {
	stage := func(name string, kind pipeline.Kind, figures ...pipeline.Figure) stageView {
		return stageView{Info: pipeline.StageInfo{Name: name}, Manifest: &pipeline.Manifest{Kind: kind}, Metrics: pipeline.Metrics{Figures: figures}}
	}
	bits := func(v float64) pipeline.Figure { return pipeline.Figure{Name: "bits per byte", Value: v} }
	grams := stage("trigram", pipeline.Model, bits(1.7), pipeline.Figure{Name: "1-grams", Value: 10}, pipeline.Figure{Name: "2-grams", Value: 20})
	net := stage("base", pipeline.Model, bits(1.6), bits(1.7), pipeline.Figure{Name: "parameters", Value: 5})
	rows := modelsOf([]stageView{grams, stage("blocks", pipeline.Blocks, bits(9)), stage("other", pipeline.Model), net, {}})
	if len(rows) != 2 || rows[0].NGrams != 30 || rows[0].Parameters != nil || rows[1].Bits.Value != 1.6 || rows[1].Parameters.Value != 5 {
		t.Errorf("%+v", rows)
	}
	uniform := bits(4)
	uniform.Note = pipeline.UniformName
	grams.Metrics.Figures = append(grams.Metrics.Figures, uniform)
	if rows := modelsOf([]stageView{grams, net}); len(rows) != 3 || rows[0].Bits.Value != 4 || rows[0].Stage != "" || rows[1].Bits.Value != 1.7 {
		t.Errorf("with the baseline that knows nothing: %+v", rows)
	}
	if rows := modelsOf([]stageView{grams}); rows != nil {
		t.Errorf("one model: %+v", rows)
	}
}
