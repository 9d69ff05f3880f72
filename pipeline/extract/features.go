package extract

import "golang.org/x/net/html/atom"

// A view is one block with what features ask about it.
type view struct {
	*layout
	i          int
	b          *block
	m          *measure
	inner, box *node
	within     [containerLevels]sums // of the containers
	size       [containerLevels]int  // their blocks
}

// A feature is one number that the classifier knows of a block. All are integers,
// so that every CPU computes the same; shares are in thousandths.
type feature struct {
	name string
	of   func(v *view) int
}

func (l *layout) view(i int) (v view) {
	b := &l.blocks[i]
	v = view{layout: l, i: i, b: b, m: &l.measures[i], inner: &l.nodes[b.inner], box: &l.nodes[b.box]}
	for k, n := range v.m.levels {
		r := l.ranges[n]
		v.within[k], v.size[k] = l.sums[r.to].minus(&l.sums[r.from]), int(r.to-r.from)
	}
	return v
}

// blockFeatures is the table of what is measured without learned weights.
var blockFeatures = concat(
	// The block itself.
	[]feature{
		{"words", func(v *view) int { return v.m.words }},
		{"bytes", func(v *view) int { return len(v.b.text) }},
		{"letters a word", func(v *view) int { return 10 * v.m.letters / max(1, v.m.words) }},
		{"linked", func(v *view) int { return share(v.b.linked, len(v.b.text)) }},
		{"bold", func(v *view) int { return share(v.b.strong, len(v.b.text)) }},
		{"commas", func(v *view) int { return v.m.commas }},
		{"sentences", func(v *view) int { return v.m.stops }},
		{"words a sentence", func(v *view) int { return v.m.words / max(1, v.m.stops) }},
		{"function words", func(v *view) int { return share(v.m.function, v.m.words) }},
		{"capitals", func(v *view) int { return share(v.m.uppers, v.m.letters) }},
		{"digits", func(v *view) int { return share(v.m.digits, v.m.letters+v.m.digits) }},
		{"price", func(v *view) int { return toInt(v.m.price) }},
		{"date", func(v *view) int { return toInt(v.m.date) }},
		{"last character", func(v *view) int { return lastClass(v.b.text) }},
		{"first character", func(v *view) int { return firstClass(v.b.text) }},
		{"element", func(v *view) int { return tagClass[v.box.tag] }},
		{"inner element", func(v *view) int { return tagClass[v.inner.tag] }},
		{"gap before", func(v *view) int { return int(v.b.gap) }},
		{"first of item", func(v *view) int { return toInt(v.b.item) }},
		{"times on page", func(v *view) int { return v.texts[v.m.text] }},
		{"title words", func(v *view) int { return v.titleShare() }},
	},
	contextFeatures(),
	labelFeatures(),
	// Where it stands.
	[]feature{
		{"index", func(v *view) int { return v.i }},
		{"index from end", func(v *view) int { return len(v.blocks) - v.i }},
		{"blocks before", func(v *view) int { return share(v.i, len(v.blocks)) }},
		{"words before", func(v *view) int { return share(v.sums[v.i].words, v.sums[len(v.blocks)].words) }},
		{"depth", func(v *view) int { return v.depth() }},
		{"since h1", func(v *view) int { return v.page.sinceH1(v.i) }},
		{"path blocks", func(v *view) int { return v.paths[v.m.path] }},
		{"path share", func(v *view) int { return share(v.paths[v.m.path], len(v.blocks)) }},
	},
	neighbourFeatures(),
	containerFeatures(),
	// The whole page.
	[]feature{
		{"page words", func(v *view) int { return log2x8(v.sums[len(v.blocks)].words) }},
		{"page blocks", func(v *view) int { return log2x8(len(v.blocks)) }},
		{"page linked", func(v *view) int { return share(v.sums[len(v.blocks)].linked, v.sums[len(v.blocks)].words) }},
		{"page in paragraphs", func(v *view) int { return share(v.sums[len(v.blocks)].paragraph, v.sums[len(v.blocks)].words) }},
		{"page sentences", func(v *view) int { return share(v.sums[len(v.blocks)].stops, v.sums[len(v.blocks)].words) }},
		{"page prices", func(v *view) int { return share(v.sums[len(v.blocks)].prices, len(v.blocks)) }},
		{"page dates", func(v *view) int { return share(v.sums[len(v.blocks)].dates, len(v.blocks)) }},
		{"page paths", func(v *view) int { return share(len(v.paths), len(v.blocks)) }},
		{"page in main", func(v *view) int { return v.page.mainShare }},
		{"page in article", func(v *view) int { return v.page.articleShare }},
		{"page articles", func(v *view) int { return v.page.articles }},
	},
)

func concat(groups ...[]feature) (all []feature) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// share is a part of a whole in thousandths.
func share(part, whole int) int { return 1000 * part / max(1, whole) }

func contextFeatures() (out []feature) {
	for _, c := range []struct {
		name string
		bit  ancestry
	}{
		{"nav", inNav}, {"header", inHeader}, {"footer", inFooter}, {"aside", inAside}, {"form", inForm}, {"main", inMain}, {"article", inArticle},
		{"section", inSection}, {"table", inTable}, {"list", inList}, {"definition", inDefinition}, {"quote", inQuote}, {"figure", inFigure},
		{"button", inButton}, {"dialog", inDialog}, {"noscript", inNoscript | inTemplate}, {"hidden", inHidden}, {"link", inLink}, {"code", inPre | inCode},
		{"heading", inHeading}, {"h1", inH1}, {"label", inLabel | inSummary}, {"address", inAddress}, {"paragraph", inParagraph}, {"caption", inCaption}, {"time", inTime},
		{"product", inProduct}, {"comment", inComment | inReview}, {"body property", inBody}, {"description property", inDescription}, {"list item property", inListItem},
		{"from data", fromData},
	} {
		out = append(out, feature{"in " + c.name, func(v *view) int { return toInt(v.b.context&c.bit != 0) }})
	}
	return out
}

// labelFeatures look for words of the lexicon in the block and in what may be its
// label: the blocks beside it, its heading, the beginnings of its containers.
func labelFeatures() []feature {
	at := func(v *view, i int) int {
		if i < 0 || i >= len(v.blocks) {
			return 0
		}
		return v.measures[i].label
	}
	out := []feature{
		{"label", func(v *view) int { return v.m.label }},
		{"label before", func(v *view) int { return at(v, v.i-1) }},
		{"label after", func(v *view) int { return at(v, v.i+1) }},
		{"label of heading", func(v *view) int { return at(v, int(v.m.heading)) }},
	}
	for level := range containerLevels {
		out = append(out, feature{"label of container", func(v *view) int { return at(v, int(v.ranges[v.m.levels[level]].from)) }})
	}
	return append(out, feature{"comments by name", func(v *view) int { return toInt(v.inComments(v.b.inner)) }})
}

// neighbourFeatures look at blocks nearby.
func neighbourFeatures() (out []feature) {
	for _, d := range []int{-3, -2, -1, 1, 2, 3} {
		at := func(v *view, f func(b *block, m *measure) int) int {
			if j := v.i + d; j >= 0 && j < len(v.blocks) {
				return f(&v.blocks[j], &v.measures[j])
			}
			return -1
		}
		out = append(out,
			feature{"near words", func(v *view) int { return at(v, func(_ *block, m *measure) int { return m.words }) }},
			feature{"near linked", func(v *view) int {
				return at(v, func(b *block, _ *measure) int { return share(b.linked, len(b.text)) })
			}})
		if d == -1 || d == 1 {
			out = append(out,
				feature{"near sentences", func(v *view) int { return at(v, func(_ *block, m *measure) int { return m.stops }) }},
				feature{"near element", func(v *view) int {
					return at(v, func(b *block, _ *measure) int { return tagClass[v.nodes[b.box].tag] })
				}},
				feature{"near same path", func(v *view) int { return at(v, func(_ *block, m *measure) int { return toInt(m.path == v.m.path) }) }})
		}
	}
	for _, d := range []int{4, 10} {
		within := func(v *view) sums { return v.sums[min(len(v.blocks), v.i+d+1)].minus(&v.sums[max(0, v.i-d)]) }
		out = append(out,
			feature{"window words", func(v *view) int { return within(v).words }},
			feature{"window linked", func(v *view) int { s := within(v); return share(s.linked, s.words) }},
			feature{"window sentences", func(v *view) int { return within(v).stops }})
	}
	return out
}

// containerFeatures look at the elements around the block that hold more than it.
func containerFeatures() (out []feature) {
	for level := range containerLevels {
		at := func(v *view) (*sums, int) { return &v.within[level], v.size[level] }
		out = append(out,
			feature{"container words", func(v *view) int { s, _ := at(v); return s.words }},
			feature{"container share", func(v *view) int { s, _ := at(v); return share(s.words, v.sums[len(v.blocks)].words) }},
			feature{"container linked", func(v *view) int { s, _ := at(v); return share(s.linked, s.words) }},
			feature{"container blocks", func(v *view) int { _, n := at(v); return n }},
			feature{"container sentences", func(v *view) int { s, _ := at(v); return share(s.stops, s.words) }},
			feature{"container paragraphs", func(v *view) int { s, _ := at(v); return share(s.paragraph, s.words) }},
			feature{"container prices", func(v *view) int { s, n := at(v); return share(s.prices+s.dates, n) }},
			feature{"place in container", func(v *view) int { r := v.ranges[v.m.levels[level]]; return share(v.i-int(r.from), int(r.to-r.from)) }},
			feature{"like siblings", func(v *view) int { return v.siblings(v.m.levels[level]) }},
			feature{"container element", func(v *view) int { return tagClass[v.nodes[v.m.levels[level]].tag] }})
	}
	return out
}

// siblings counts the elements beside a container that look like it: the items of
// a listing, the posts of a thread.
func (l *layout) siblings(n int32) int {
	if l.alike == nil {
		l.alike = make([]int32, len(l.nodes))
	}
	if k := l.alike[n]; k > 0 {
		return int(k)
	}
	parent := l.nodes[n].parent
	if parent < 0 {
		return 0
	}
	groups := map[uint32]int32{}
	key := func(c int32) uint32 {
		e := &l.nodes[c]
		h := hashString(2166136261, e.tag.String())
		for _, a := range e.attrs {
			if a.key == "class" {
				eachName(a.val, func(w string) { h += hashString(2166136261, w) >> 8 })
				break
			}
		}
		return h
	}
	for c := parent + 1; c < l.nodes[parent].end; c = l.nodes[c].end {
		if !l.nodes[c].isText() && l.ranges[c].to > l.ranges[c].from {
			groups[key(c)]++
		}
	}
	for c := parent + 1; c < l.nodes[parent].end; c = l.nodes[c].end {
		if !l.nodes[c].isText() && l.ranges[c].to > l.ranges[c].from {
			l.alike[c] = groups[key(c)]
		}
	}
	return int(l.alike[n])
}

func (v *view) depth() (d int) {
	for n := v.b.inner; n >= 0; n = v.nodes[n].parent {
		d++
	}
	return d
}

// titleShare is how much of the block stands in the page's title.
func (v *view) titleShare() int {
	if v.m.words == 0 || v.m.words > 40 {
		return 0
	}
	in := 0
	for _, h := range v.m.hashes {
		if v.page.titleWords[h] {
			in++
		}
	}
	return share(in, len(v.m.hashes))
}

// tagClass numbers elements so that like ones stand together.
var tagClass = map[atom.Atom]int{
	atom.P: 1, atom.Blockquote: 2, atom.Pre: 3, atom.Code: 4, atom.Article: 5, atom.Section: 6, atom.Main: 7, atom.Div: 8, atom.Span: 9, atom.Font: 9,
	atom.Td: 10, atom.Th: 11, atom.Tr: 12, atom.Table: 13, atom.Tbody: 13, atom.Dt: 14, atom.Dd: 15, atom.Dl: 16, atom.Li: 17, atom.Ul: 18, atom.Ol: 19,
	atom.H1: 20, atom.H2: 21, atom.H3: 22, atom.H4: 23, atom.H5: 24, atom.H6: 25, atom.Strong: 26, atom.B: 26, atom.Em: 27, atom.I: 27,
	atom.Figcaption: 28, atom.Figure: 28, atom.Caption: 28, atom.Time: 29, atom.Label: 30, atom.Legend: 30, atom.Button: 31, atom.A: 32, atom.Summary: 33, atom.Details: 34,
	atom.Form: 35, atom.Fieldset: 35, atom.Header: 36, atom.Footer: 37, atom.Nav: 38, atom.Aside: 39, atom.Body: 40, atom.Html: 41, atom.Noscript: 42, atom.Center: 43, atom.Small: 44,
}

func lastClass(s string) int {
	switch s[len(s)-1] {
	case '.', '!':
		return 3
	case '?':
		return 4
	case ':':
		return 2
	case ',', ';':
		return 1
	case ')', '"', '\'':
		return 5
	case '>', '|', '/':
		return 6
	}
	return 0
}

func firstClass(s string) int {
	switch c := s[0]; {
	case c >= 'A' && c <= 'Z':
		return 1
	case c >= 'a' && c <= 'z':
		return 2
	case c >= '0' && c <= '9':
		return 3
	case c == '$' || c == '#' || c == '@':
		return 4
	case c < 0x80:
		return 5
	}
	return 6
}
