package report

import (
	"math"
	"strings"
	"testing"

	"fragua/pipeline"
)

// TestScoreByLabels: a curve for each beginning and each baseline, against the number of examples; none where that is the same for all.
func TestScoreByLabels(t *testing.T) {
	judge := func(n float64, begins string, score, baseline float64) stageView {
		return stageView{Metrics: pipeline.Metrics{Figures: []pipeline.Figure{
			{Name: "accuracy", Value: score, N: 50, Note: "test", Headline: true},
			{Name: "accuracy", Value: baseline, N: 50, Note: "majority class · of train", Headline: true},
			{Name: pipeline.TrainingExamples, Value: n, Note: begins},
		}}}
	}
	all := []stageView{judge(1000, "fine-tuned from a", .9, .5), {}, judge(100, "fine-tuned from a", .8, .5), judge(1000, "fresh weights", .7, .5)}
	curves := scoreByLabels(all)
	if len(curves) != 3 || curves[0].Name != "fine-tuned from a" || curves[1].Name != "majority class" || !curves[0].Log || curves[0].Y != "accuracy, n = 50" {
		t.Fatalf("%+v", curves)
	}
	if p := curves[0].Points; len(p) != 2 || p[0] != [2]float64{100, .8} || p[1] != [2]float64{1000, .9} || len(curves[1].Points) != 2 {
		t.Errorf("%+v", curves)
	}
	picture := string(charts(curves)[0])
	for _, want := range []string{">100<", ">200<", ">1\u202f000<", `class="dot c0"`} {
		if !strings.Contains(picture, want) {
			t.Errorf("%s is not in %s", want, picture)
		}
	}
	if c := scoreByLabels(all[2:3]); c != nil {
		t.Errorf("one number of examples: %+v", c)
	}
}

// TestLossBySize: a power law is found again, and two sizes are none.
func TestLossBySize(t *testing.T) {
	var stages []stageView
	for _, n := range []float64{4e6, 1e6, 2e6} {
		stages = append(stages, stageView{Metrics: pipeline.Metrics{Figures: []pipeline.Figure{
			{Name: "bits per byte", Value: 3 * math.Pow(n, -.05)}, {Name: "parameters", Value: n, Note: "llama"},
		}}})
	}
	curves := lossBySize(stages)
	if len(curves) != 2 || curves[0].Points[0][0] != 1e6 || curves[1].Name != "3 · parameters^-0.050" {
		t.Fatalf("%+v", curves)
	}
	for _, p := range curves[1].Points {
		if want := 3 * math.Pow(p[0], -.05); math.Abs(p[1]-want) > 1e-9 {
			t.Errorf("at %v: %v, want %v", p[0], p[1], want)
		}
	}
	if c := lossBySize(stages[:2]); c != nil {
		t.Errorf("two sizes: %+v", c)
	}
}
