package extract

import (
	"strconv"
	"strings"

	"golang.org/x/net/html/atom"
)

// render writes the chosen blocks as text: blocks part by a blank line, items of a
// list and rows of a table by a line end, cells by a space.
func render(blocks []block, chosen []bool) string {
	var out strings.Builder
	gap := gapCell
	for i := range blocks {
		b := &blocks[i]
		gap = max(gap, b.gap)
		if !chosen[i] {
			continue
		}
		if out.Len() > 0 {
			out.WriteString([]string{gapCell: " ", gapLine: "\n", gapBlock: "\n\n"}[gap])
		}
		if b.item {
			out.WriteString("- ")
		}
		out.WriteString(b.text)
		gap = gapCell
	}
	return strings.TrimSpace(out.String())
}

// renderMarkdown writes the chosen blocks as Markdown: headings, nested and
// numbered lists, tables, quotations and code keep their marks.
func renderMarkdown(nodes []node, blocks []block, chosen []bool) string {
	w := markdown{nodes: nodes}
	gap := gapCell
	for i := range blocks {
		gap = max(gap, blocks[i].gap)
		if chosen[i] {
			w.block(&blocks[i], gap)
			gap = gapCell
		}
	}
	w.endRow()
	return strings.TrimSpace(w.out.String())
}

type markdown struct {
	nodes   []node
	out     strings.Builder
	row     int32 // the row of a table that is being written, or 0
	table   int32
	cells   int
	list    int32         // the outermost list of the last block, or 0
	ordinal map[int32]int // how many items of a list are written
}

func (w *markdown) block(b *block, gap gap) {
	row, table := w.around(b.box, atom.Tr), int32(0)
	if b.context&inCell != 0 && row > 0 {
		table = w.around(row, atom.Table)
	}
	if table == 0 {
		w.endRow()
		w.table = 0
		list := w.outermostList(b)
		if b.item && list != 0 && list == w.list {
			gap = gapLine // items of a nested list follow each other line by line
		}
		w.list = list
		w.separate(gap)
		w.line(b)
		return
	}
	w.list = 0
	text := strings.ReplaceAll(strings.Join(strings.Fields(b.text), " "), "|", `\|`)
	switch {
	case row == w.row && gap == gapCell:
		w.out.WriteString(" | " + text)
		w.cells++
	case row == w.row: // another block in the same cell
		w.out.WriteString(" " + text)
	default:
		w.endRow()
		if table != w.table {
			w.separate(gapBlock)
		}
		w.out.WriteString("| " + text)
		w.row, w.cells = row, 1
	}
	if table != w.table {
		w.table = -table // the rule under the first row is due
	}
}

func (w *markdown) outermostList(b *block) (list int32) {
	if b.context&inList == 0 {
		return 0
	}
	for n := b.box; n > 0; n = w.nodes[n].parent {
		if tag := w.nodes[n].tag; tag == atom.Ul || tag == atom.Ol {
			list = n
		}
	}
	return list
}

// endRow closes the open row of a table, and rules off the first one.
func (w *markdown) endRow() {
	if w.row == 0 {
		return
	}
	w.out.WriteString(" |\n")
	if w.table < 0 {
		w.out.WriteString(strings.Repeat("| --- ", w.cells) + "|\n")
		w.table = -w.table
	}
	w.row = 0
}

func (w *markdown) separate(gap gap) {
	s := w.out.String()
	switch {
	case s == "":
	case gap == gapBlock && strings.HasSuffix(s, "\n"):
		w.out.WriteString("\n")
	case gap == gapBlock:
		w.out.WriteString("\n\n")
	case !strings.HasSuffix(s, "\n"):
		w.out.WriteString("\n")
	}
}

// around returns the nearest element of a name around a node, or 0.
func (w *markdown) around(n int32, tag atom.Atom) int32 {
	for ; n > 0; n = w.nodes[n].parent {
		if w.nodes[n].tag == tag {
			return n
		}
	}
	return 0
}

func (w *markdown) line(b *block) {
	text := b.text
	switch {
	case b.context&inPre != 0:
		fence := "```"
		for strings.Contains(text, fence) {
			fence += "`"
		}
		text = fence + "\n" + text + "\n" + fence
	case b.context&inHeading != 0:
		level := 2
		for n := b.inner; n > 0; n = w.nodes[n].parent {
			if tag := w.nodes[n].tag; headingTag[tag] {
				level = int(tag.String()[1] - '0')
				break
			}
		}
		text = strings.Repeat("#", level) + " " + strings.Join(strings.Fields(text), " ")
	}
	prefix := ""
	if b.context&inList != 0 {
		depth, list := 0, int32(0)
		for n := b.box; n > 0; n = w.nodes[n].parent {
			if tag := w.nodes[n].tag; tag == atom.Ul || tag == atom.Ol {
				if list == 0 {
					list = n
				}
				depth++
			}
		}
		prefix = strings.Repeat("  ", max(0, depth-1))
		if b.item {
			mark := "- "
			if w.nodes[list].tag == atom.Ol {
				if w.ordinal == nil {
					w.ordinal = map[int32]int{}
				}
				w.ordinal[list]++
				mark = strconv.Itoa(w.ordinal[list]) + ". "
			}
			w.out.WriteString(prefix + mark)
			prefix += strings.Repeat(" ", len(mark))
			w.out.WriteString(strings.ReplaceAll(text, "\n", "\n"+prefix))
			return
		}
		prefix += "  "
	}
	if b.context&inQuote != 0 {
		prefix += "> "
	}
	w.out.WriteString(prefix + strings.ReplaceAll(text, "\n", "\n"+prefix))
}
