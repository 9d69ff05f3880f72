package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"fragua/pipeline/langid"
)

const dims = langid.Dims

// A net is the model in training: a row for each bucket of n-grams, and what each
// language makes of the sum of a text's rows.
type net struct {
	rows [][dims]float32
	sq   []float32 // of each row, the sum of squared gradients
	out  [][dims]float32
	osq  []float32
	bias []float32

	quantize bool
	step     [dims]float32
}

func newNet(rng *rand.Rand) *net {
	k := len(langid.Languages)
	n := &net{rows: make([][dims]float32, langid.Buckets), sq: make([]float32, langid.Buckets), out: make([][dims]float32, k), osq: make([]float32, k), bias: make([]float32, k)}
	for i := range n.rows {
		for d := range dims {
			n.rows[i][d] = (rng.Float32() - .5) * .2
		}
	}
	for i := range n.out {
		for d := range dims {
			n.out[i][d] = (rng.Float32() - .5) * .5
		}
	}
	return n
}

// byScript lists the languages of each script.
var byScript = func() (t [langid.Scripts][]int) {
	for k, l := range langid.Languages {
		for _, s := range l.Scripts {
			t[s] = append(t[s], k)
		}
	}
	return t
}()

const alpha = 0.5

func (n *net) row(f uint32) [dims]float32 {
	r := n.rows[f]
	if n.quantize {
		for d := range dims {
			r[d] = n.quant(d, r[d])
		}
	}
	return r
}

// quant rounds a value to one of 16.
func (n *net) quant(d int, x float32) float32 {
	q := float32(math.Floor(float64(x/n.step[d]))) + .5
	return min(max(q, -7.5), 7.5) * n.step[d]
}

// forward returns the probabilities of the candidates and the scaled sum.
func (n *net) forward(features []uint32, among []int, p []float32) (v [dims]float32, scale float32) {
	for _, f := range features {
		r := n.row(f)
		for d := range dims {
			v[d] += r[d]
		}
	}
	scale = float32(math.Pow(float64(len(features)), -alpha))
	for d := range dims {
		v[d] *= scale
	}
	top := float32(math.Inf(-1))
	for i, k := range among {
		z := n.bias[k]
		w := &n.out[k]
		for d := range dims {
			z += w[d] * v[d]
		}
		p[i] = z
		top = max(top, z)
	}
	sum := float32(0)
	for i := range p {
		p[i] = float32(math.Exp(float64(p[i] - top)))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return v, scale
}

// learn takes one step on a text in language k.
func (n *net) learn(features []uint32, among []int, k int, rate float32) float64 {
	var buf [128]float32
	p := buf[:len(among)]
	v, scale := n.forward(features, among, p)
	var dv [dims]float32
	loss := 0.0
	for i, c := range among {
		g := p[i]
		if c == k {
			loss = -math.Log(float64(max(g, 1e-9)))
			g--
		}
		if g < 1e-4 && g > -1e-4 {
			continue
		}
		w := &n.out[c]
		s := float32(0)
		for d := range dims {
			dv[d] += g * w[d]
			s += v[d] * v[d]
		}
		n.osq[c] += g * g * (s/dims + 1)
		r := g * rate * .3 / float32(math.Sqrt(float64(n.osq[c]+1)))
		for d := range dims {
			w[d] -= r * v[d]
		}
		n.bias[c] -= r
	}
	norm := float32(0)
	for d := range dims {
		dv[d] *= scale
		norm += dv[d] * dv[d]
	}
	for _, f := range features {
		n.sq[f] += norm
		r := rate / float32(math.Sqrt(float64(n.sq[f]+.02)))
		row := &n.rows[f]
		for d := range dims {
			row[d] -= r * dv[d]
		}
	}
	return loss
}

// setSteps chooses how wide the 16 values of each dimension lie.
func (n *net) setSteps() {
	for d := range dims {
		var all []float32
		for i := range n.rows {
			if n.sq[i] > 0 {
				all = append(all, float32(math.Abs(float64(n.rows[i][d]))))
			}
		}
		slices.Sort(all)
		n.step[d] = all[len(all)*98/100] / 7.5
	}
}

// gibberish makes words of letters drawn at random.
func gibberish(rng *rand.Rand) string {
	var s strings.Builder
	for range 1 + rng.IntN(6) {
		for range 2 + rng.IntN(9) {
			s.WriteByte(byte('a' + rng.IntN(26)))
		}
		s.WriteByte(' ')
	}
	return s.String()
}

// sample makes one text in the language: a word, two, or a line.
func (c *corpus) sample(rng *rand.Rand) string {
	if len(c.words) == 0 { // no language of the table
		if rng.IntN(3) == 0 {
			return gibberish(rng)
		}
		return c.lines[rng.IntN(len(c.lines))]
	}
	switch x := rng.Float64(); {
	case x < .35:
		return draw(c.words, rng)
	case x < .5:
		return draw(c.words, rng) + " " + draw(c.words, rng)
	case x < .7 || len(c.lines) == 0:
		w := make([]string, 2+min(rng.IntN(12), rng.IntN(12)))
		for i := range w {
			w[i] = draw(c.common, rng)
		}
		return strings.Join(w, " ")
	default:
		line := c.lines[rng.IntN(len(c.lines))]
		if rng.IntN(2) == 0 { // a piece of it
			w := strings.Fields(line)
			w = w[rng.IntN(max(len(w)-1, 1)):]
			return strings.Join(w[:min(len(w), 2+rng.IntN(7))], " ")
		}
		return line
	}
}

var withoutStroke = strings.NewReplacer("đ", "d", "ł", "l", "ø", "o", "ı", "i", "Đ", "D", "Ł", "L", "Ø", "O", "İ", "I")

// bare takes the accents off Latin and Greek letters, as people leave them out.
func bare(text string) string {
	var s strings.Builder
	base := ' '
	for _, r := range norm.NFD.String(withoutStroke.Replace(text)) {
		if !unicode.Is(unicode.Mn, r) {
			base = r
		} else if unicode.In(base, unicode.Latin, unicode.Greek) {
			continue
		}
		s.WriteRune(r)
	}
	return norm.NFC.String(s.String())
}

// bytes writes the model as langid.Load reads it: values as the numbers 0 to 15,
// with their steps in the weights.
func (n *net) bytes() (b []byte) {
	for i := range n.rows {
		var row uint64
		for d := range dims {
			q := n.quant(d, n.rows[i][d])/n.step[d] + 7.5
			row |= uint64(q+.5) << (4 * d)
		}
		b = binary.LittleEndian.AppendUint64(b, row)
	}
	for k := range n.out {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(n.bias[k]))
		for d := range dims {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(n.out[k][d]*n.step[d]))
		}
	}
	return b
}

// rare says how often a language is drawn, if less than others are: languages
// with few speakers beside a large relative, and those of which there is little
// data. It is a prior: of a text that could be either, the other is named.
var rare = map[string]float64{"ast": .4, "oc": .5, "gl": .8, "fo": .3, "fy": .3, "jv": .3, "ku": .3, "ne": .3, "yi": .3, "tk": .3, "br": .5, "gd": .5,
	"rw": .3, "tt": .4, "uz": .4, "ug": .4, "tg": .4, "ms": .8, "mr": .6, "": .6, "la": .7, "eo": .7, "ja": .6}

// train learns from texts drawn at random and returns the model's bytes. For the
// last two fifths of the way it sees the rows as they will be stored.
func train(all []corpus, steps int, rng *rand.Rand) []byte {
	const rate = .5
	n := newNet(rng)
	var usable []int
	for k, c := range all {
		if len(c.words)+len(c.lines) > 0 {
			usable = append(usable, k)
		}
	}
	var features []uint32
	loss, learned := 0.0, 0
	for i := range steps {
		k := usable[rng.IntN(len(usable))]
		if w, ok := rare[langid.Languages[k].Code]; ok && rng.Float64() > w {
			continue
		}
		text := all[k].sample(rng)
		if rng.IntN(20) == 0 {
			text = bare(text)
		}
		var counts [langid.Scripts]int
		features = langid.Features(features[:0], &counts, text)
		among := byScript[langid.MainScript(counts, nil)]
		if len(among) < 2 || !slices.Contains(among, k) {
			continue
		}
		done := float64(i) / float64(steps)
		if done > .6 && !n.quantize {
			n.setSteps()
			n.quantize = true
		}
		loss += n.learn(features, among, k, float32(rate*(1-done)))
		if learned++; learned%500_000 == 0 {
			fmt.Printf("%d of %d: loss %.4f\n", i+1, steps, loss/500_000)
			loss = 0
		}
	}
	return n.bytes()
}
