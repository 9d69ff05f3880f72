package extract

import (
	"maps"
	"math"
	"slices"
	"sync"

	"fragua/pipeline/extract/boost"
)

// A TrainingPage is what training needs of an example, without its text.
type TrainingPage struct {
	*sample
	site, pageType string
	labels         []float64
	gold           int // words of the main text
	fold           int // of the inner cross-validation, by site
}

// NewTrainingPage measures an example.
func NewTrainingPage(e Example) (*TrainingPage, error) {
	nodes, facts, _, err := parse(e.HTML)
	if err != nil {
		return nil, err
	}
	blocks := pageBlocks(nodes, facts, false)
	s := newLayout(nodes, blocks, facts).sample()
	s.base, s.page = s.appendBase(nil, 0, len(blocks)), nil
	return &TrainingPage{sample: s, site: e.Site, pageType: e.Type, labels: labels(blocks, e.Text),
		gold: len(Words(e.Text)), fold: int(hashString(77, e.Site) >> 3)}, nil
}

// rowWeights of a page's blocks: each page counts the same, long blocks more.
func (l *TrainingPage) rowWeights() []float32 {
	out := make([]float32, len(l.words))
	total := float64(l.gold) + 100
	all := 0.
	for i, w := range l.words {
		if l.labels[i] < 0 {
			continue
		}
		v := math.Min(float64(w)+1, total) / total
		out[i] = float32(v + .002)
		all += float64(out[i])
	}
	if all > 4 { // pages with far more text than main text count no more than others
		for i := range out {
			out[i] *= float32(4 / all)
		}
	}
	return out
}

// odds counts in how many sites a word stands in main text and elsewhere.
type odds struct {
	sum   map[uint32][2]float32
	sites map[string]map[uint32]float32 // share of a word's blocks that are main text
}

func countOdds(pages []*TrainingPage, each func(l *TrainingPage, yield func(h uint32, y float64))) *odds {
	o := &odds{sum: map[uint32][2]float32{}, sites: map[string]map[uint32]float32{}}
	bySite := map[string][]*TrainingPage{}
	var order []string
	for _, l := range pages {
		if bySite[l.site] == nil {
			order = append(order, l.site)
		}
		bySite[l.site] = append(bySite[l.site], l)
	}
	for _, site := range order {
		counts := map[uint32][2]float64{}
		for _, l := range bySite[site] {
			each(l, func(h uint32, y float64) {
				c := counts[h]
				counts[h] = [2]float64{c[0] + y, c[1] + 1}
			})
		}
		shares := make(map[uint32]float32, len(counts))
		for h, c := range counts {
			p := float32(c[0] / c[1])
			shares[h] = p
			s := o.sum[h]
			o.sum[h] = [2]float32{s[0] + p, s[1] + 1 - p}
		}
		o.sites[site] = shares
	}
	return o
}

const (
	oddsPrior = 3. // sites of smoothing
	oddsSites = 5  // a word on fewer sites is not learned
)

func logOdds(pos, neg float32, base float64) int8 {
	if pos+neg < oddsSites {
		return 0
	}
	v := math.Log((float64(pos)+oddsPrior*base)/(float64(neg)+oddsPrior*(1-base))) - math.Log(base/(1-base))
	return int8(math.Round(16 * math.Max(-7, math.Min(7, v))))
}

// base is the mean share over words.
func (o *odds) base() float64 {
	var pos, all float64
	for _, h := range slices.Sorted(maps.Keys(o.sum)) { // in one order: floats do not add up alike in any
		if s := o.sum[h]; s[0]+s[1] >= oddsSites {
			pos += float64(s[0])
			all += float64(s[0] + s[1])
		}
	}
	return pos / all
}

// without weighs words as if a site had not been seen.
func (o *odds) without(site string, base float64) wordWeight {
	own := o.sites[site]
	return func(h uint32) int {
		s, ok := o.sum[h]
		if !ok {
			return 0
		}
		if p, ok := own[h]; ok {
			s[0] -= p
			s[1] -= 1 - p
		}
		return int(logOdds(s[0], s[1], base))
	}
}

// table keeps the words that tell most.
func (o *odds) table(base float64, limit int) wordTable {
	type entry struct {
		h     uint32
		w     int8
		score float64
	}
	var all []entry
	for h, s := range o.sum {
		if w := logOdds(s[0], s[1], base); w >= 4 || w <= -4 {
			all = append(all, entry{h, w, math.Abs(float64(w)) * math.Sqrt(float64(s[0]+s[1]))})
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		case a.h < b.h:
			return -1
		}
		return 1
	})
	out := map[uint32]int8{}
	for _, e := range all[:min(limit, len(all))] {
		out[e.h] = e.w
	}
	return newWordTable(out)
}

func textOdds(l *TrainingPage, yield func(uint32, float64)) {
	for i, hs := range l.hashes {
		if l.labels[i] >= 0 {
			for _, h := range hs {
				yield(h, l.labels[i])
			}
		}
	}
}

func nameOdds(l *TrainingPage, yield func(uint32, float64)) {
	in, all := make([]float64, len(l.elements)), make([]float64, len(l.elements))
	for i, y := range l.labels {
		if y < 0 {
			continue
		}
		w := float64(min(l.words[i], 60)) + 1
		for e := l.inner[i]; e >= 0; e = l.elements[e].parent {
			in[e] += w * y
			all[e] += w
		}
	}
	for e := range l.elements {
		if all[e] > 0 {
			for _, h := range l.elements[e].names {
				yield(h, in[e]/all[e])
			}
		}
	}
}

// Settings of the forests.
var (
	firstSettings  = boost.Settings{Trees: 120, Leaves: 31, Rate: .12, MinWeight: .5, L2: 1, Features: .3, Rows: .5, Seed: 1}
	secondSettings = boost.Settings{Trees: 160, Leaves: 31, Rate: .1, MinWeight: .5, L2: 1, Features: .3, Rows: .5, Seed: 2}
	typeSettings   = boost.Settings{Trees: 40, Leaves: 8, Rate: .15, MinWeight: 2, L2: 1, Features: .5, Rows: .8, Seed: 3}
)

const (
	innerFolds   = 3
	textsInTable = 6000
	namesInTable = 3000
	hintsInTable = 700
)

// Train returns the classifier that the pages teach. The second forest is trained on
// first-pass probabilities of pages whose sites that first pass had not seen.
func Train(pages []*TrainingPage) *Classifier {
	pages = slices.DeleteFunc(slices.Clone(pages), func(l *TrainingPage) bool { return l.gold == 0 })
	texts, names := countOdds(pages, textOdds), countOdds(pages, nameOdds)
	textBase, nameBase := texts.base(), names.base()
	width := len(blockFeatures) + wordFeatures
	rows := make([][]int16, len(pages))
	parallel(len(pages), func(i int) {
		l := pages[i]
		w := l.weigh(texts.without(l.site, textBase), names.without(l.site, nameBase))
		for j := range l.words {
			rows[i] = l.appendWords(l.appendBase(rows[i], j, j+1), w, j)
		}
	})
	c := &Classifier{texts: texts.table(textBase, textsInTable), names: names.table(nameBase, namesInTable)}
	types := c.trainTypes(pages)
	all := func(*TrainingPage) bool { return true }
	c.first = firstSettings.Train(tableOf(pages, rows, width, all))
	second := make([][]int16, len(pages))
	for fold := range innerFolds {
		other := func(l *TrainingPage) bool { return l.fold%innerFolds != fold }
		f := firstSettings.Train(tableOf(pages, rows, width, other))
		parallel(len(pages), func(i int) {
			l := pages[i]
			if other(l) {
				return
			}
			around := l.around(f.Probabilities(rows[i], width), types[i])
			for j := range l.words {
				second[i] = l.appendNeighbours(append(second[i], rows[i][j*width:(j+1)*width]...), around, j)
			}
		})
	}
	c.second = secondSettings.Train(tableOf(pages, second, width+secondFeatures, all))
	return c
}

func tableOf(pages []*TrainingPage, rows [][]int16, width int, keep func(*TrainingPage) bool) *boost.Table {
	t := &boost.Table{Width: width}
	for i, l := range pages {
		if !keep(l) {
			continue
		}
		w := l.rowWeights()
		for j, y := range l.labels {
			if y >= 0 {
				t.Rows = append(t.Rows, rows[i][j*width:(j+1)*width]...)
				t.Labels = append(t.Labels, float32(y))
				t.Weights = append(t.Weights, w[j])
			}
		}
	}
	return t
}

// trainTypes trains the models of page types, and returns for each page the
// probabilities that models give it which had not seen its site.
func (c *Classifier) trainTypes(pages []*TrainingPage) [][len(PageTypes)]int {
	var words [len(PageTypes)]*odds
	var base [len(PageTypes)]float64
	for t, name := range PageTypes {
		words[t] = countOdds(pages, func(l *TrainingPage, yield func(uint32, float64)) {
			for _, h := range l.hints {
				yield(h, float64(toInt(l.pageType == name)))
			}
		})
		base[t] = words[t].base()
		c.types[t].words = words[t].table(base[t], hintsInTable)
	}
	rows := make([][]int16, len(pages))
	for i, l := range pages {
		rows[i] = l.typeRow(func(t int) wordWeight { return words[t].without(l.site, base[t]) })
	}
	train := func(pageType int, keep func(*TrainingPage) bool) boost.Forest {
		t := &boost.Table{Width: typeFeatures}
		for i, l := range pages {
			if keep(l) {
				t.Rows = append(t.Rows, rows[i]...)
				t.Labels = append(t.Labels, float32(toInt(l.pageType == PageTypes[pageType])))
				t.Weights = append(t.Weights, 1)
			}
		}
		return typeSettings.Train(t)
	}
	for t := range PageTypes {
		c.types[t].forest = train(t, func(*TrainingPage) bool { return true })
	}
	out := make([][len(PageTypes)]int, len(pages))
	for fold := range innerFolds {
		var forests [len(PageTypes)]boost.Forest
		for t := range PageTypes {
			forests[t] = train(t, func(l *TrainingPage) bool { return l.fold%innerFolds != fold })
		}
		for i, l := range pages {
			if l.fold%innerFolds == fold {
				out[i], _ = likeliestType(func(t int) *boost.Forest { return &forests[t] }, rows[i])
			}
		}
	}
	return out
}

func parallel(n int, f func(int)) {
	const workers = 4
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}
