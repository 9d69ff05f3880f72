package extract

import "fragua/pipeline/extract/boost"

// PageTypes are the types of pages that are told apart, as in WCXB.
var PageTypes = [...]string{"article", "collection", "documentation", "forum", "listing", "product", "service"}

// A typeModel tells one page type from the others.
type typeModel struct {
	words  wordTable // weights of the page's hints
	forest boost.Forest
}

const (
	schemaBits   = 28 // of pageFacts.schema that are looked at, in each half
	pageFeatures = 11 // the last of blockFeatures are those of the page
	typeFeatures = 2*schemaBits + pageFeatures + 1 + len(PageTypes)
)

// typeRow are the features of a whole page: its schema.org types, sums over its
// blocks, and how its hints speak for each type.
func (s *sample) typeRow(hint func(pageType int) wordWeight) []int16 {
	row := make([]int16, 0, typeFeatures)
	for bit := range schemaBits {
		row = append(row, int16(s.schema>>bit&1), int16(s.schema>>(bit+32)&1))
	}
	if len(s.words) > 0 {
		base := s.appendBase(nil, 0, 1)
		row = append(row, base[len(base)-pageFeatures:]...)
	} else {
		row = append(row, make([]int16, pageFeatures)...)
	}
	row = append(row, int16(min(len(s.words), 32000)))
	for t := range PageTypes {
		weight, sum := hint(t), 0
		for _, h := range s.hints {
			sum += weight(h)
		}
		row = append(row, clamp(sum))
	}
	return row
}

// pageType returns the probability of each type in thousandths, and the likeliest.
func (c *Classifier) pageType(s *sample) (p [len(PageTypes)]int, name string) {
	row := s.typeRow(func(t int) wordWeight { return c.types[t].words.weight })
	return likeliestType(func(t int) *boost.Forest { return &c.types[t].forest }, row)
}

func likeliestType(forest func(pageType int) *boost.Forest, row []int16) (p [len(PageTypes)]int, name string) {
	best := 0
	for t := range PageTypes {
		p[t] = forest(t).Probabilities(row, len(row))[0]
		if p[t] > p[best] {
			best = t
		}
	}
	return p, PageTypes[best]
}
