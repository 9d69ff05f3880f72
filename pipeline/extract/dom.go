package extract

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// A node is an element or a run of text. Nodes stand in one slice in document
// order, so a subtree is a range and walks need no recursion.
type node struct {
	tag    atom.Atom // 0: text, or an element that HTML does not know
	text   string    // of a run of text
	custom string    // name of an element that HTML does not know
	parent int32
	end    int32 // one past the last node of the subtree
	attrs  []htmlAttr
}

type htmlAttr struct{ key, val string }

func (n *node) isText() bool { return n.tag == 0 && n.custom == "" }

// attr returns the value of an htmlAttr, or "".
func (n *node) attr(key string) string {
	for i := range n.attrs {
		if n.attrs[i].key == key {
			return n.attrs[i].val
		}
	}
	return ""
}

// Limits of a page. Elements deeper than maxDepth become siblings of those at that
// depth, as in WebKit and Blink; beyond maxNodes tags are passed over and their text kept.
const (
	maxDepth = 512
	maxNodes = 1 << 19
)

// longestAttr is the length of the longest name of usedAttrs.
const longestAttr = len("data-component")

// usedAttrs are the attributes that are kept.
var usedAttrs = func() map[string]string {
	names := map[string]string{}
	for _, name := range strings.Fields("class id role itemprop itemtype href rel style hidden aria-hidden lang xml:lang " +
		"name property content type datetime alt start encoding data-testid data-component") {
		names[name] = name
	}
	return names
}()

// parseTree builds the tree of a page in time and memory linear in its size. It
// knows the end tags that HTML lets authors leave out, but does not rebuild
// formatting elements after misnested tags (the adoption agency of the HTML
// standard), which multiplies nodes on hostile pages and changes no text.
func parseTree(page string) []node {
	page = plainLines(page)
	t := treeBuilder{nodes: make([]node, 1, 64+len(page)/48), opened: map[atom.Atom]int{}}
	t.nodes[0] = node{tag: atom.Html, parent: -1}
	t.open = append(t.open, 0)
	t.tokens(page, false)
	if t.rest.Len() > 0 {
		n := int32(len(t.nodes))
		t.nodes = append(t.nodes, node{text: t.rest.String(), parent: t.open[len(t.open)-1], end: n + 1})
	}
	for len(t.open) > 0 {
		t.pop()
	}
	return t.nodes
}

type treeBuilder struct {
	nodes  []node
	open   []int32           // stack of open elements
	opened map[atom.Atom]int // how many elements of a name are open
	attrs  []htmlAttr        // of many nodes, one after another
	rest   strings.Builder   // text beyond maxNodes
}

// tokens adds the tags and texts of a page, or of a <noscript> in it.
func (t *treeBuilder) tokens(page string, inNoscript bool) {
	z := tokenizer{page: page}
	for {
		switch z.next() {
		case tokenEnd:
			return
		case tokenText:
			t.text(z.text)
		case tokenStart:
			if len(t.nodes) < maxNodes {
				t.start(&z)
			}
			if z.tag == atom.Noscript && !inNoscript && t.topTag() == atom.Noscript {
				// Its end tag is the only one that ends it, and no tag in it ends what is around it.
				z.raw = "noscript"
				t.tokens(z.rawText(), true)
				z.raw = ""
				t.closeTo(atom.Noscript)
			}
		case tokenEndTag:
			if z.tag != 0 {
				t.endTag(z.tag)
			} else {
				t.endCustom(z.custom)
			}
		}
	}
}

func (t *treeBuilder) topTag() atom.Atom { return t.nodes[t.open[len(t.open)-1]].tag }

func (t *treeBuilder) text(s string) {
	if s == "" {
		return
	}
	if len(t.nodes) >= maxNodes {
		t.rest.WriteString(s)
		t.rest.WriteByte('\n')
		return
	}
	n := int32(len(t.nodes))
	t.nodes = append(t.nodes, node{text: s, parent: t.open[len(t.open)-1], end: n + 1})
}

func (t *treeBuilder) start(z *tokenizer) {
	tag := z.tag
	switch tag {
	case atom.Html, atom.Body:
		// A second one adds its attributes to the first, which for html is node 0.
		if tag == atom.Html {
			t.nodes[0].attrs = append(t.nodes[0].attrs, z.attrs...)
			return
		}
		if t.opened[atom.Body] > 0 {
			return
		}
		t.closeTo(atom.Head)
	case atom.Image:
		tag = atom.Img
	}
	if t.opened[atom.Head] > 0 && !inHead[tag] {
		t.closeTo(atom.Head)
	}
	t.implyEnd(tag)
	if len(t.open) >= maxDepth {
		t.pop()
	}
	n := int32(len(t.nodes))
	first := len(t.attrs)
	t.attrs = append(t.attrs, z.attrs...)
	t.nodes = append(t.nodes, node{tag: tag, custom: z.custom, parent: t.open[len(t.open)-1], end: n + 1, attrs: t.attrs[first:len(t.attrs):len(t.attrs)]})
	if voidTags[tag] {
		return
	}
	t.open = append(t.open, n)
	t.opened[tag]++
}

func (t *treeBuilder) pop() {
	top := t.open[len(t.open)-1]
	t.open = t.open[:len(t.open)-1]
	t.nodes[top].end = int32(len(t.nodes))
	t.opened[t.nodes[top].tag]--
}

var voidTags = map[atom.Atom]bool{
	atom.Area: true, atom.Base: true, atom.Br: true, atom.Col: true, atom.Embed: true, atom.Hr: true, atom.Img: true, atom.Input: true,
	atom.Link: true, atom.Meta: true, atom.Param: true, atom.Source: true, atom.Track: true, atom.Wbr: true,
}

// inHead are the elements of <head>; any other ends it.
var inHead = map[atom.Atom]bool{
	atom.Title: true, atom.Meta: true, atom.Link: true, atom.Script: true, atom.Style: true, atom.Base: true, atom.Noscript: true,
	atom.Template: true, atom.Basefont: true, atom.Bgsound: true, atom.Object: true, atom.Head: true,
}

// formatting elements never close a block when their end tag is misplaced.
var formatting = map[atom.Atom]bool{
	atom.A: true, atom.B: true, atom.Big: true, atom.Code: true, atom.Em: true, atom.Font: true, atom.I: true, atom.Nobr: true, atom.S: true,
	atom.Small: true, atom.Strike: true, atom.Strong: true, atom.Tt: true, atom.U: true, atom.Span: true, atom.Label: true, atom.Sup: true,
	atom.Sub: true, atom.Cite: true, atom.Abbr: true, atom.Time: true, atom.Mark: true, atom.Q: true, atom.Var: true, atom.Kbd: true, atom.Samp: true,
}

// scopes are elements that no end tag inside them reaches out of.
func isScope(tag atom.Atom) bool {
	return tag == atom.Table || tag == atom.Td || tag == atom.Th || tag == atom.Caption || tag == atom.Template || tag == atom.Noscript || tag == atom.Object
}

// find returns the place on the stack of the nearest open element of a name that
// an end tag reaches, or -1.
func (t *treeBuilder) find(tag atom.Atom, stop func(atom.Atom) bool) int {
	if t.opened[tag] == 0 {
		return -1
	}
	for i := len(t.open) - 1; i > 0; i-- {
		have := t.nodes[t.open[i]].tag
		if have == tag {
			return i
		}
		if stop(have) {
			return -1
		}
	}
	return -1
}

func (t *treeBuilder) popTo(place int) {
	for len(t.open) > place && place > 0 {
		t.pop()
	}
}

func (t *treeBuilder) closeTo(tag atom.Atom) {
	t.popTo(t.find(tag, func(atom.Atom) bool { return false }))
}

func (t *treeBuilder) endTag(tag atom.Atom) {
	switch {
	case tag == atom.Html || tag == atom.Body: // what follows them is part of the page
	case tag == atom.Br:
		if len(t.nodes) < maxNodes {
			n := int32(len(t.nodes))
			t.nodes = append(t.nodes, node{tag: tag, parent: t.open[len(t.open)-1], end: n + 1})
		}
	case headingTag[tag]: // any heading's end tag closes the open heading
		t.popTo(t.findHeading())
	case formatting[tag]:
		t.popTo(t.find(tag, func(have atom.Atom) bool { return isScope(have) || blockGap[have] != "" }))
	case tableTag[tag]:
		t.popTo(t.find(tag, func(have atom.Atom) bool { return have == atom.Table || have == atom.Template }))
	default:
		t.popTo(t.find(tag, isScope))
	}
}

func (t *treeBuilder) endCustom(name string) {
	if t.opened[0] == 0 {
		return
	}
	for i := len(t.open) - 1; i > 0; i-- {
		n := &t.nodes[t.open[i]]
		if n.custom == name {
			t.popTo(i)
			return
		}
		if isScope(n.tag) {
			return
		}
	}
}

var headingTag = map[atom.Atom]bool{atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true}
var tableTag = map[atom.Atom]bool{atom.Table: true, atom.Tr: true, atom.Td: true, atom.Th: true, atom.Tbody: true, atom.Thead: true, atom.Tfoot: true, atom.Caption: true}

func (t *treeBuilder) findHeading() int {
	for i := len(t.open) - 1; i > 0; i-- {
		have := t.nodes[t.open[i]].tag
		if headingTag[have] {
			return i
		}
		if isScope(have) || have == atom.Div || have == atom.Section || have == atom.Li {
			return -1
		}
	}
	return -1
}

// implyEnd closes what a start tag closes without an end tag.
func (t *treeBuilder) implyEnd(tag atom.Atom) {
	if closesP[tag] {
		t.popTo(t.find(atom.P, func(have atom.Atom) bool { return isScope(have) || have == atom.Button }))
	}
	list := func(have atom.Atom) bool {
		return isScope(have) || have == atom.Ul || have == atom.Ol || have == atom.Dl || have == atom.Div || have == atom.Select
	}
	table := func(have atom.Atom) bool { return have == atom.Table || have == atom.Template }
	switch tag {
	case atom.Li, atom.Option, atom.Optgroup:
		t.popTo(t.find(tag, list))
	case atom.Dt, atom.Dd:
		t.popTo(max(t.find(atom.Dt, list), t.find(atom.Dd, list)))
	case atom.Td, atom.Th:
		t.popTo(max(t.find(atom.Td, table), t.find(atom.Th, table)))
	case atom.Tr:
		t.popTo(t.find(atom.Tr, table))
	case atom.Tbody, atom.Thead, atom.Tfoot:
		t.popTo(max(t.find(atom.Tbody, table), t.find(atom.Thead, table), t.find(atom.Tfoot, table)))
	case atom.A:
		t.popTo(t.find(atom.A, func(have atom.Atom) bool { return isScope(have) || blockGap[have] != "" }))
	}
}

var closesP = map[atom.Atom]bool{
	atom.Address: true, atom.Article: true, atom.Aside: true, atom.Blockquote: true, atom.Center: true, atom.Details: true, atom.Dialog: true,
	atom.Div: true, atom.Dl: true, atom.Dd: true, atom.Dt: true, atom.Fieldset: true, atom.Figcaption: true, atom.Figure: true, atom.Footer: true, atom.Form: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Header: true, atom.Hgroup: true, atom.Hr: true,
	atom.Li: true, atom.Main: true, atom.Menu: true, atom.Nav: true, atom.Ol: true, atom.P: true, atom.Pre: true, atom.Section: true, atom.Summary: true,
	atom.Table: true, atom.Ul: true,
}
