package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"fragua/pipeline"
)

// scoreByLabels is, for each headline figure of stages that learned from labelled examples, the figure against their number:
// a curve for what the models began with, and one for each baseline. None where all learned from equally many.
func scoreByLabels(stages []stageView) []pipeline.Curve {
	type line struct {
		of, name string
		n        int64 // rows it was measured on: other tests are other pictures
	}
	points := map[line][][2]float64{}
	var order []line
	numbers := map[float64]bool{}
	for _, s := range stages {
		examples := figureOf(s, pipeline.TrainingExamples)
		if examples == nil || examples.Value < 1 {
			continue
		}
		numbers[examples.Value] = true
		seen := map[string]bool{}
		for _, f := range s.Metrics.Figures {
			if !f.Headline {
				continue
			}
			l := line{f.Name, examples.Note, f.N}
			if seen[f.Name] {
				l.name, _, _ = strings.Cut(f.Note, " · ")
			}
			seen[f.Name] = true
			if points[l] == nil {
				order = append(order, l)
			}
			if at := [2]float64{examples.Value, f.Value}; !slices.ContainsFunc(points[l], func(p [2]float64) bool { return p[0] == at[0] }) {
				points[l] = append(points[l], at)
			}
		}
	}
	if len(numbers) < 2 {
		return nil
	}
	var curves []pipeline.Curve
	for _, l := range order {
		slices.SortFunc(points[l], func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
		curves = append(curves, pipeline.Curve{Name: l.name, X: "labelled examples", Y: fmt.Sprintf("%s, n = %d", l.of, l.n), Log: true, Dots: true, Points: points[l]})
	}
	return curves
}

// lossBySize is the bits per byte of networks of one architecture against their parameters, and the power law that fits them
// best: a straight line of the logarithms (Kaplan et al. 2020, section 3.2). It takes three sizes to see one.
func lossBySize(stages []stageView) (curves []pipeline.Curve) {
	sizes := map[string][][2]float64{}
	var order []string
	for _, s := range stages {
		params, bits := figureOf(s, "parameters"), figureOf(s, "bits per byte")
		if params == nil || bits == nil || params.Note == "" || params.Value < 1 || bits.Value <= 0 {
			continue
		}
		if sizes[params.Note] == nil {
			order = append(order, params.Note)
		}
		if !slices.ContainsFunc(sizes[params.Note], func(p [2]float64) bool { return p[0] == params.Value }) {
			sizes[params.Note] = append(sizes[params.Note], [2]float64{params.Value, bits.Value})
		}
	}
	for _, arch := range order {
		points := sizes[arch]
		if len(points) < 3 {
			continue
		}
		slices.SortFunc(points, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
		exponent, at1 := powerLaw(points)
		first, last := points[0][0], points[len(points)-1][0]
		var law [][2]float64
		for i := range 21 {
			x := first * math.Pow(last/first, float64(i)/20)
			law = append(law, [2]float64{x, at1 * math.Pow(x, exponent)})
		}
		const y = "bits per byte by size"
		curves = append(curves,
			pipeline.Curve{Name: arch, X: "parameters", Y: y, Log: true, Dots: true, Points: points},
			pipeline.Curve{Name: fmt.Sprintf("%.3g · parameters^%.3f", at1, exponent), X: "parameters", Y: y, Log: true, Points: law})
	}
	return curves
}

// powerLaw fits y = at1·x^exponent by least squares of the logarithms.
func powerLaw(points [][2]float64) (exponent, at1 float64) {
	var n, sx, sy, sxx, sxy float64
	for _, p := range points {
		x, y := math.Log(p[0]), math.Log(p[1])
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	exponent = (n*sxy - sx*sy) / (n*sxx - sx*sx)
	return exponent, math.Exp((sy - exponent*sx) / n)
}

// lossByContext is how well each model predicts by how many ids of the text it sees.
func lossByContext(stages []stageView) (curves []pipeline.Curve) {
	for _, s := range stages {
		for _, c := range s.Metrics.Curves {
			if c.Y == pipeline.BitsByContext {
				c.Name = s.Info.Name
				curves = append(curves, c)
			}
		}
	}
	return curves
}

func figureOf(s stageView, name string) *pipeline.Figure {
	for i, f := range s.Metrics.Figures {
		if f.Name == name {
			return &s.Metrics.Figures[i]
		}
	}
	return nil
}
