package textstat

import (
	"math"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/zeebo/xxh3"
)

// A Classifier tells two kinds of text apart by their words and pairs of words,
// hashed: logistic regression on the mean of their weights (Joulin et al. 2017, arXiv
// 1607.01759, without the hidden layer).
type Classifier struct {
	weights []float32 // of each bucket
	bias    float32
}

// classifierBuckets are shared by hash.
const classifierBuckets = 1 << 20

// TrainClassifier learns from texts and whether they are of the kind that is asked
// for. The same texts and seed give the same classifier.
func TrainClassifier(texts []string, yes []bool, seed uint64) *Classifier {
	c := &Classifier{weights: make([]float32, classifierBuckets)}
	squares := make([]float32, classifierBuckets)
	features := make([][]uint32, len(texts))
	share := 0.
	for i, t := range texts {
		features[i] = classifierFeatures(nil, t)
		if yes[i] {
			share++
		}
	}
	share = min(max(share/float64(max(len(texts), 1)), .01), .99)
	c.bias = float32(math.Log(share / (1 - share)))
	rng := rand.New(rand.NewPCG(seed, 1))
	const epochs, rate, shrink = 8, 2., 1e-5
	for epoch := range epochs {
		step := float32(rate * (1 - float64(epoch)/epochs))
		for _, i := range rng.Perm(len(texts)) {
			f := features[i]
			if len(f) == 0 {
				continue
			}
			g := float32(c.score(f))
			if yes[i] {
				g--
			}
			scale := float32(1 / math.Sqrt(float64(len(f))))
			for _, b := range f {
				d := float32(g*scale) + shrink*c.weights[b]
				squares[b] += d * d
				c.weights[b] -= step * d / float32(math.Sqrt(float64(squares[b])+.01)) * .1
			}
			c.bias -= step * g * .01
		}
	}
	return c
}

// Score returns how probable it is, 0 to 1, that a text is of the kind.
func (c *Classifier) Score(text string) float64 { return c.score(classifierFeatures(nil, text)) }

func (c *Classifier) score(features []uint32) float64 {
	sum := 0.
	for _, b := range features {
		sum += float64(c.weights[b])
	}
	return 1 / (1 + math.Exp(-float64(c.bias)-sum/math.Sqrt(float64(max(len(features), 1)))))
}

// classifierFeatures appends the buckets of the first words of a text, in small, and
// of each pair of them.
func classifierFeatures(dst []uint32, text string) []uint32 {
	const most = 2000
	var before uint64
	n := 0
	for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
		h := xxh3.HashString(strings.ToLower(w))
		dst = append(dst, uint32(h%classifierBuckets))
		if n > 0 {
			dst = append(dst, uint32((before*base+h)*base>>44))
		}
		before = h
		if n++; n == most {
			break
		}
	}
	return dst
}
