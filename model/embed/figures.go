package embed

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"fragua/pipeline"
)

// measure judges the vectors by the files of the settings, and draws the map.
func (e *Embeddings) measure(env *pipeline.Env, v *Vectors) (m pipeline.Metrics, err error) {
	m.Figures = append(m.Figures,
		pipeline.Figure{Name: "words with a vector", Value: float64(len(v.Words)), N: v.total, Note: fmt.Sprintf("of %d numbers each; n: how often they occur", v.Width)})
	for _, p := range e.Triplets {
		list, err := ReadTriplets(p.Abs)
		if err != nil {
			return m, err
		}
		s := v.Judge(list)
		name := filepath.Base(p.Written)
		note := ""
		if s.Missing > 0 {
			note = fmt.Sprintf("%d more have a word without a vector", s.Missing)
		}
		if s.Asked > 0 {
			share := float64(s.Right) / float64(s.Asked)
			m.Figures = append(m.Figures, pipeline.Figure{Name: "triplets right (" + name + ")", Value: 100 * share,
				PlusMinus: 196 * math.Sqrt(share*(1-share)/float64(s.Asked)), N: int64(s.Asked), Unit: "%", Better: "higher", Headline: true, Note: note})
		}
		if len(s.Wrong) > 0 {
			m.Samples = append(m.Samples, pipeline.Sample{Title: "answered otherwise than " + name + " has it", Text: strings.Join(s.Wrong, "\n")})
		}
		env.Progress.Say(fmt.Sprintf("%s: %d of %d triplets right, %d with a word without a vector", name, s.Right, s.Asked, s.Missing))
	}
	for _, p := range e.Ratings {
		list, err := ReadRatings(p.Abs)
		if err != nil {
			return m, err
		}
		rho, n := v.Spearman(list)
		name := filepath.Base(p.Written)
		m.Figures = append(m.Figures, pipeline.Figure{Name: "rank correlation (" + name + ")", Value: rho, N: int64(n), Unit: "Spearman", Better: "higher", Headline: true,
			Note: fmt.Sprintf("%d more have a word without a vector", len(list)-n)})
		env.Progress.Say(fmt.Sprintf("%s: Spearman %.3f over %d pairs, %d with a word without a vector", name, rho, n, len(list)-n))
	}
	m.Map = v.project(v.notable(e.Map))
	return m, nil
}

// notable are the n most frequent words, but those that make more than a thousandth of the corpus,
// and 30 occurrences, which say how a language is built and not what a text is about.
func (v *Vectors) notable(n int) (rows []int) {
	for i, count := range v.Counts {
		if len(rows) < n && count < max(v.total/1000, 30) && utf8.RuneCountInString(v.Words[i]) > 3 {
			rows = append(rows, i)
		}
	}
	return rows
}

// project lays words out on the plane in which their directions differ most (principal components).
func (v *Vectors) project(rows []int) (places []pipeline.Place) {
	if len(rows) < 3 {
		return nil
	}
	k := v.Width
	x := make([][]float64, len(rows)) // of length 1, then moved to their mean
	mean := make([]float64, k)
	for i, row := range rows {
		x[i] = make([]float64, k)
		length := math.Sqrt(max(squares(v.row(row)), math.SmallestNonzeroFloat64))
		for j, a := range v.row(row) {
			x[i][j] = float64(a) / length
			mean[j] += x[i][j] / float64(len(rows))
		}
	}
	covariance := make([]float64, k*k)
	for i := range x {
		for j := range k {
			x[i][j] -= mean[j]
		}
		for a := range k {
			for b := range k {
				covariance[a*k+b] += float64(x[i][a] * x[i][b])
			}
		}
	}
	axes, _ := eigen(covariance, k, func(x float64) float64 { return x })
	for i, row := range rows {
		p := pipeline.Place{Label: v.Words[row]}
		for j := range k {
			p.X += float64(x[i][j] * axes[j*k])
			p.Y += float64(x[i][j] * axes[j*k+1])
		}
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b pipeline.Place) int { return strings.Compare(a.Label, b.Label) })
	return places
}

func squares(x []float32) (sum float64) {
	for _, a := range x {
		sum += float64(a) * float64(a)
	}
	return sum
}
