package extract

import (
	"context"
	_ "embed"
	endian "encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"fragua/pipeline/extract/boost"
)

// A Classifier tells main text from the rest of a page, block by block. Tables give
// the log-odds of words and of element names; a first forest judges each block by them
// and by its features; a second one decides, knowing the first one's probabilities of
// the blocks around it and the type of the page.
type Classifier struct {
	texts, names  wordTable
	types         [len(PageTypes)]typeModel
	first, second boost.Forest
}

// chunk is how many blocks are classified at a time: a row of features takes ten times
// the memory of a short block.
const chunk = 4096

// predict returns for each block the probability of being main text, in thousandths,
// and the type of the page. An error means that ctx ended.
func (c *Classifier) predict(ctx context.Context, s *sample) ([]int, string, error) {
	w := s.weigh(c.texts.weight, c.names.weight)
	types, name := c.pageType(s)
	n := len(s.words)
	firstWidth := len(blockFeatures) + wordFeatures
	var rows []int16
	fill := func(from, to int) {
		rows = rows[:0]
		for i := from; i < to; i++ {
			rows = s.appendWords(s.appendBase(rows, i, i+1), w, i)
		}
	}
	first := make([]int, 0, n)
	for from := 0; from < n; from += chunk {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		fill(from, min(n, from+chunk))
		first = append(first, c.first.Probabilities(rows, firstWidth)...)
	}
	around := s.around(first, types)
	second := make([]int, 0, n)
	var wide []int16
	for from := 0; from < n; from += chunk {
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		to := min(n, from+chunk)
		if n > chunk { // else rows are those of the first pass
			fill(from, to)
		}
		wide = wide[:0]
		for i := from; i < to; i++ {
			wide = append(wide, rows[(i-from)*firstWidth:(i-from+1)*firstWidth]...)
			wide = s.appendNeighbours(wide, around, i)
		}
		second = append(second, c.second.Probabilities(wide, firstWidth+secondFeatures)...)
	}
	return second, name, nil
}

// choose returns the blocks that together have the greatest expected F1, and that
// F1 in thousandths. With words w and probabilities p it is 2 Σ_S wp / (Σ_S w +
// Σ wp), and the best set S is all blocks above a threshold of half the best F1
// (Lipton, Elkan and Naryanaswamy, 2014), so one walk down the sorted blocks finds
// it. What is around main text resembles it, except in threads and collections:
// elsewhere the threshold is higher, most of all for labels in articles.
func choose(p, words []int, pageType string) (chosen []bool, quality int) {
	order := make([]int, len(p))
	expected := 0
	for i := range p {
		order[i] = i
		expected += p[i] * words[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return p[b] - p[a] })
	in, size, best, cut := 0, 0, 0, 0
	for k, i := range order {
		in += p[i] * words[i]
		size += 1000 * words[i]
		if f := 2000 * in / max(1, size+expected); f > best {
			best, cut = f, k+1
		}
	}
	chosen = make([]bool, len(p))
	any := false
	for _, i := range order[:cut] {
		least := 0
		if pageType != "forum" && pageType != "collection" {
			least = best/2 + 100
		}
		if pageType == "article" && words[i] < labelWords {
			least = max(least, 600)
		}
		chosen[i] = p[i] >= least
		any = any || chosen[i]
	}
	for _, i := range order[:cut] {
		chosen[i] = chosen[i] || !any
	}
	return chosen, best
}

const labelWords = 15

// MarshalBinary writes a classifier: a hash of the names of its features, the tables of
// words, each sorted by hash, then the forests.
func (c *Classifier) MarshalBinary() ([]byte, error) {
	b := endian.LittleEndian.AppendUint32(nil, featureNames())
	for _, t := range c.tables() {
		b = t.appendTo(b)
	}
	for _, f := range c.forests() {
		b = f.Append(b)
	}
	return b, nil
}

// featureNames tells a classifier of other features from one of these.
func featureNames() uint32 {
	h := hashString(2166136261, fmt.Sprint(wordFeatures, secondFeatures, typeFeatures))
	for _, f := range blockFeatures {
		h = hashString(h, f.name)
	}
	return h
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (c *Classifier) UnmarshalBinary(b []byte) (err error) {
	if len(b) < 4 || endian.LittleEndian.Uint32(b) != featureNames() {
		return errors.New("the classifier was trained with other features: train it again")
	}
	b = b[4:]
	for _, t := range c.tables() {
		if *t, b, err = readWordTable(b); err != nil {
			return err
		}
	}
	first := len(blockFeatures) + wordFeatures
	for i, f := range c.forests() {
		width := typeFeatures
		if i < 2 {
			width = first + i*secondFeatures
		}
		if *f, b, err = boost.Read(b, width); err != nil {
			return err
		}
	}
	if len(b) != 0 {
		return errWeights
	}
	return nil
}

func (c *Classifier) tables() []*wordTable {
	out := []*wordTable{&c.texts, &c.names}
	for t := range c.types {
		out = append(out, &c.types[t].words)
	}
	return out
}

func (c *Classifier) forests() []*boost.Forest {
	out := []*boost.Forest{&c.first, &c.second}
	for t := range c.types {
		out = append(out, &c.types[t].forest)
	}
	return out
}

var errWeights = errors.New("the bytes are no classifier")

// maintextWeights is the classifier that is trained on the development pages of WCXB
// (CC BY 4.0) by: go run ./cmd/bench webtext -train pipeline/extract/maintext.weights WCXB
//
//go:embed maintext.weights
var maintextWeights []byte

var embedded = sync.OnceValue(func() *Classifier {
	c := new(Classifier)
	if err := c.UnmarshalBinary(maintextWeights); err != nil {
		panic(err)
	}
	return c
})
