package train

import (
	"fmt"
	"math"
	"strconv"

	"fragua/model"
	"fragua/pipeline"
)

// looks shows where a network looks in the beginning of a text: of each layer the head that looks most at one token which is
// neither the first, where heads that have nothing to look for rest (Xiao et al. 2024), nor the token itself. None for models without
// attention.
func looks(m model.Model, tok textual, text string) (out []pipeline.Look, err error) {
	const most = 14 // tokens
	ids, err := tok.AppendIDs(nil, text)
	if err != nil || len(ids) < 3 {
		return nil, err
	}
	n := min(len(ids), most, m.Context())
	layers, err := model.Looks(m, ids[:n])
	if err != nil {
		return nil, nil // it has no attention
	}
	var tokens []string
	for _, id := range ids[:n] {
		s := strconv.Quote(tok.Decode([]int32{id}))
		tokens = append(tokens, s[1:len(s)-1])
	}
	for l, heads := range layers {
		best, sharpest := 0, -1.0
		for h, look := range heads {
			if s := sharpness(look, n); s > sharpest {
				best, sharpest = h, s
			}
		}
		look := pipeline.Look{Title: fmt.Sprintf("layer %d, head %d", l+1, best+1), Tokens: tokens}
		for i := range n {
			row := make([]float64, n)
			for j := range row {
				row[j] = math.Round(float64(heads[best][i*n+j])*1000) / 1000
			}
			look.Rows = append(look.Rows, row)
		}
		out = append(out, look)
	}
	return out, nil
}

// sharpness is the greatest share of each row that goes neither to the token itself nor to the first, on the average.
func sharpness(look []float32, n int) float64 {
	sum := 0.0
	for i := 2; i < n; i++ {
		top := float32(0)
		for _, p := range look[i*n+1 : i*n+i] {
			top = max(top, p)
		}
		sum += float64(top)
	}
	return sum / float64(max(n-2, 1))
}
