package extract

// A sample is what the classifier reads of a page: the features of each block, its
// words, and the names of the elements around it. It holds no text, so that many
// pages fit into memory when a classifier is trained.
type sample struct {
	page     *layout // to compute features from; nil where base holds them
	base     []int16 // blockFeatures, block after block
	hashes   [][]uint32
	whole    []uint32 // hash of the whole of a short text, or 0
	words    []int
	heading  []int32 // the heading before a block, or -1
	path     []uint32
	text     []uint32
	inner    []int32 // the innermost element, as a place in elements
	levels   [][containerLevels]enclosing
	elements []element
	hints    []uint32 // of the page's type, see pageFacts
	schema   uint64
}

// An element around blocks: the words in its names, and the element around it.
type element struct {
	names  []uint32
	parent int32 // -1: none
}

// An enclosing element is one and the blocks in it.
type enclosing struct {
	span
	element int32
}

func (l *layout) sample() *sample {
	n := len(l.blocks)
	s := &sample{page: l, hashes: make([][]uint32, n), whole: make([]uint32, n), words: make([]int, n), heading: make([]int32, n), path: make([]uint32, n),
		text: make([]uint32, n), inner: make([]int32, n), levels: make([][containerLevels]enclosing, n), hints: l.facts.hints, schema: l.facts.schema}
	places := make(map[int32]int32, n)
	var place func(node int32) int32
	place = func(node int32) int32 {
		if node < 0 {
			return -1
		}
		e, ok := places[node]
		if !ok {
			parent := place(l.nodes[node].parent)
			e = int32(len(s.elements))
			places[node] = e
			s.elements = append(s.elements, element{l.names[node], parent})
		}
		return e
	}
	for i := range l.blocks {
		m := &l.measures[i]
		s.hashes[i], s.words[i], s.path[i], s.text[i], s.heading[i] = m.hashes, m.words, m.path, m.text, m.heading
		s.whole[i] = m.whole
		s.inner[i] = place(l.blocks[i].inner)
		for k, node := range m.levels {
			s.levels[i][k] = enclosing{l.ranges[node], place(node)}
		}
	}
	return s
}

// appendBase appends the features of blocks[from:to].
func (s *sample) appendBase(rows []int16, from, to int) []int16 {
	if s.page == nil {
		return append(rows, s.base[from*len(blockFeatures):to*len(blockFeatures)]...)
	}
	var v view
	for i := from; i < to; i++ {
		v = s.page.view(i)
		for _, f := range blockFeatures {
			rows = append(rows, clamp(f.of(&v)))
		}
	}
	return rows
}

// clamp makes a feature of a number.
func clamp(v int) int16 { return int16(min(max(v, -32000), 32000)) }

// A wordWeight gives the learned log-odds of a word, in sixteenths: how much likelier
// it stands in main text than elsewhere.
type wordWeight func(hash uint32) int

// weights are the weights of the words of a page.
type weights struct {
	blocks   []blockWeight
	elements []elementWeight
	before   []int // sum of the means of blocks[:i]
}

type blockWeight struct{ mean, low, high, sum, whole int }

// An elementWeight is the weight of an element's names, and what they are on the way
// from it to the root: the lowest, the highest, the sum, and the sum of the first four.
type elementWeight struct{ own, low, high, sum, near int }

func (s *sample) weigh(text, name wordWeight) *weights {
	w := &weights{blocks: make([]blockWeight, len(s.words)), elements: make([]elementWeight, len(s.elements)), before: make([]int, len(s.words)+1)}
	for i := range w.elements { // a parent comes before its children
		e := &w.elements[i]
		for _, h := range s.elements[i].names {
			e.own += name(h)
		}
		e.low, e.high, e.sum = min(0, e.own), max(0, e.own), e.own
		if p := s.elements[i].parent; p >= 0 {
			up := &w.elements[p]
			e.low, e.high, e.sum = min(e.low, up.low), max(e.high, up.high), e.sum+up.sum
		}
		for k, at := 0, int32(i); k < 4 && at >= 0; k++ {
			e.near += w.elements[at].own
			at = s.elements[at].parent
		}
	}
	for i := range w.blocks {
		b := &w.blocks[i]
		for _, h := range s.hashes[i] {
			v := text(h)
			b.low, b.high, b.sum = min(b.low, v), max(b.high, v), b.sum+v
		}
		b.mean = 8 * b.sum / max(1, len(s.hashes[i]))
		if s.whole[i] != 0 {
			b.whole = text(s.whole[i])
		}
		w.before[i+1] = w.before[i] + b.mean
	}
	return w
}

// wordFeatures is how many columns appendWords adds.
const wordFeatures = 30

// appendWords appends the features that come from learned words, of block i.
func (s *sample) appendWords(rows []int16, w *weights, i int) []int16 {
	n := len(w.blocks)
	mean := func(j int) int {
		if j < 0 || j >= n {
			return 0
		}
		return w.blocks[j].mean
	}
	var heading blockWeight
	if h := s.heading[i]; h >= 0 {
		heading = w.blocks[h]
	}
	b, inner, second := &w.blocks[i], &w.elements[s.inner[i]], 0
	if p := s.elements[s.inner[i]].parent; p >= 0 {
		second = w.elements[p].own
	}
	columns := [wordFeatures]int{b.mean, b.low, b.high, b.sum, b.whole, mean(i - 2), mean(i - 1), mean(i + 1), mean(i + 2),
		inner.low, inner.high, inner.sum, inner.near, inner.own, second,
		heading.mean, heading.whole, heading.low, w.before[min(i+5, n)] - w.before[max(i-4, 0)], w.before[min(i+13, n)] - w.before[max(i-12, 0)]}
	for k, c := range s.levels[i] {
		columns[20+k] = mean(int(c.from)) // how the container begins
		columns[25+k] = w.elements[c.element].own
	}
	for _, v := range columns {
		rows = append(rows, clamp(v))
	}
	return rows
}

// neighbourhood are the first pass's probabilities on a page, in thousandths, and the
// sums that second-pass features ask for.
type neighbourhood struct {
	p            []int
	mass, words  []int // totals of blocks[:i]
	paths, texts map[uint32]mean
	first, last  int // blocks of more than three words that are likely main text
	top          int
	pageTypes    [len(PageTypes)]int
}

type mean struct{ sum, count int }

func (s *sample) around(p []int, types [len(PageTypes)]int) *neighbourhood {
	n := len(p)
	a := &neighbourhood{p: p, mass: make([]int, n+1), words: make([]int, n+1), paths: map[uint32]mean{}, texts: map[uint32]mean{}, first: n, last: -1, pageTypes: types}
	for i := range n {
		w := s.words[i] + 1
		a.mass[i+1], a.words[i+1] = a.mass[i]+w*p[i], a.words[i]+w
		t := a.paths[s.path[i]]
		a.paths[s.path[i]] = mean{t.sum + p[i], t.count + 1}
		t = a.texts[s.text[i]]
		a.texts[s.text[i]] = mean{t.sum + p[i], t.count + 1}
		if p[i] >= 500 && s.words[i] > 3 {
			a.first, a.last = min(a.first, i), i
		}
		a.top = max(a.top, p[i])
	}
	return a
}

// mean is the mean probability of the words in blocks[from:to].
func (a *neighbourhood) mean(from, to int) int {
	from, to = max(from, 0), min(to, len(a.p))
	return (a.mass[to] - a.mass[from]) / max(1, a.words[to]-a.words[from])
}

// secondFeatures is how many columns appendNeighbours adds.
const secondFeatures = 34

// appendNeighbours appends the features that come from the first pass: what the blocks
// around a block, and those like it, are.
func (s *sample) appendNeighbours(rows []int16, a *neighbourhood, i int) []int16 {
	n := len(a.p)
	at := func(d int) int {
		if i+d < 0 || i+d >= n {
			return -1
		}
		return a.p[i+d]
	}
	heading, since := -1, 999
	if h := s.heading[i]; h >= 0 {
		heading, since = a.p[h], i-int(h)
	}
	path, text := a.paths[s.path[i]], a.texts[s.text[i]]
	columns := [secondFeatures]int{
		a.p[i], at(-3), at(-2), at(-1), at(1), at(2), at(3),
		a.mean(i-3, i), a.mean(i+1, i+4), a.mean(i-3, i+4), a.mean(i-8, i+9), a.mean(i-25, i+26),
		path.sum / path.count, text.sum / text.count,
		heading, since,
		i - a.first, a.last - i, a.top, a.mean(0, n), share(a.mass[i], a.mass[n]), log2x8(a.mass[n] / 1000),
	}
	for k, c := range s.levels[i] {
		columns[22+k] = a.mean(int(c.from), int(c.to))
	}
	copy(columns[27:], a.pageTypes[:])
	for _, v := range columns {
		rows = append(rows, clamp(v))
	}
	return rows
}
