package extract

import "golang.org/x/net/html/atom"

// A layout is a page as the classifier sees it: its blocks, what is measured on
// each, and the elements around them.
type layout struct {
	nodes    []node
	blocks   []block
	measures []measure
	sums     []sums // sums[i] is over blocks[:i]
	ranges   []span // of blocks, for each node
	names    [][]uint32
	paths    map[uint32]int // how many blocks stand on each path
	texts    map[uint32]int // how many blocks have each text
	discuss  []int8         // nodes inside an element that is named after comments: 1; not: -1
	alike    []int32        // siblings that look like a node, see siblings
	page     pageSums
	facts    pageFacts
}

// pageSums is what is measured on the whole page.
type pageSums struct {
	h1                                int // the first block of the first <h1>, or -1
	mainShare, articleShare, articles int
	titleWords                        map[uint32]bool
}

// sinceH1 is how many blocks after the page's main heading one stands.
func (p *pageSums) sinceH1(i int) int {
	if p.h1 < 0 {
		return -9999
	}
	return i - p.h1
}

// A span is a range of blocks.
type span struct{ from, to int32 }

// sums are totals over a range of blocks, for any container by subtraction.
type sums struct{ words, linked, commas, stops, paragraph, prices, dates int }

func (a *sums) minus(b *sums) sums {
	return sums{a.words - b.words, a.linked - b.linked, a.commas - b.commas, a.stops - b.stops, a.paragraph - b.paragraph, a.prices - b.prices, a.dates - b.dates}
}

func newLayout(nodes []node, blocks []block, facts pageFacts) *layout {
	l := &layout{nodes: nodes, blocks: blocks, measures: make([]measure, len(blocks)), sums: make([]sums, len(blocks)+1),
		ranges: make([]span, len(nodes)), names: make([][]uint32, len(nodes)), paths: map[uint32]int{}, texts: map[uint32]int{}}
	l.findRanges()
	heading := int32(-1)
	for i := range blocks {
		m := &l.measures[i]
		m.heading = heading
		if blocks[i].context&inHeading != 0 {
			heading = int32(i)
		}
		m.count(blocks[i].text)
		m.findLabel()
		l.locate(i)
		l.paths[m.path]++
		l.texts[m.text]++
		s := l.sums[i]
		s.words += m.words
		s.linked += m.words * blocks[i].linked / max(1, len(blocks[i].text))
		s.commas += m.commas
		s.stops += m.stops
		if blocks[i].context&inParagraph != 0 {
			s.paragraph += m.words
		}
		s.prices += toInt(m.price)
		s.dates += toInt(m.date)
		l.sums[i+1] = s
	}
	l.measurePage(facts.title)
	l.facts = facts
	return l
}

func (l *layout) measurePage(title string) {
	p := pageSums{h1: -1, titleWords: map[uint32]bool{}}
	var t measure
	t.count(title)
	for _, h := range t.hashes {
		p.titleWords[h] = true
	}
	inMainWords, inArticleWords := 0, 0
	for i := range l.blocks {
		c := l.blocks[i].context
		if c&inH1 != 0 && p.h1 < 0 {
			p.h1 = i
		}
		if c&inMain != 0 {
			inMainWords += l.measures[i].words
		}
		if c&inArticle != 0 {
			inArticleWords += l.measures[i].words
		}
	}
	for n := range l.nodes {
		if l.nodes[n].tag == atom.Article && l.ranges[n].to > l.ranges[n].from {
			p.articles++
		}
	}
	total := l.sums[len(l.blocks)].words
	p.mainShare, p.articleShare = share(inMainWords, total), share(inArticleWords, total)
	l.page = p
}

// findRanges tells for each node which blocks begin inside it.
func (l *layout) findRanges() {
	for n := range l.ranges {
		l.ranges[n] = span{-1, -1}
	}
	for b := range l.blocks {
		for n := l.blocks[b].inner; n >= 0; n = l.nodes[n].parent {
			r := &l.ranges[n]
			if r.from < 0 {
				r.from = int32(b)
			}
			if r.to == int32(b)+1 {
				break // and so are all that stand around it
			}
			r.to = int32(b) + 1
		}
	}
}

// locate finds the containers of a block, from the inside out, those that hold no
// more blocks than the one inside them left out, and the path to it.
func (l *layout) locate(i int) {
	m := &l.measures[i]
	level := 0
	last := span{int32(i), int32(i) + 1}
	h := uint32(2166136261)
	hashed := 0
	for n := l.blocks[i].inner; n >= 0; n = l.nodes[n].parent {
		if l.names[n] == nil {
			l.names[n] = l.nameHashes(n)
		}
		if hashed < 6 {
			hashed++
			h = (h ^ uint32(l.nodes[n].tag)) * 16777619
			for _, name := range l.names[n] {
				h = (h ^ name) * 16777619
			}
		}
		if r := l.ranges[n]; level < containerLevels && r != last && r.to-r.from > 1 {
			m.levels[level] = n
			level++
			last = r
		}
	}
	for ; level < containerLevels; level++ {
		m.levels[level] = 0
	}
	m.path = h
}

// nameHashes are the words in an element's class, id, role and the like, and its
// tag, as hashes. Numbers are left out: they tell one page from another.
func (l *layout) nameHashes(n int32) []uint32 {
	e := &l.nodes[n]
	out := []uint32{hashString(2166136261, "<"+or(e.tag.String(), e.custom))}
	for _, a := range e.attrs {
		switch a.key {
		case "class", "id", "role", "itemprop", "data-testid", "data-component":
			eachName(a.val, func(word string) {
				if english, ok := namesInEnglish[word]; ok {
					word = english
				}
				if len(out) < 24 {
					out = append(out, hashString(2166136261, word))
				}
			})
		}
	}
	return out
}
