package blocks

import (
	"cmp"
	"slices"
)

// A packer makes rows of perRow ids out of documents. add takes a document's
// ids; the block that emit gets is valid until it returns.
type packer interface {
	add(ids []int32) error
	flush() error // what is left, padded
}

// cutPacker joins documents end to end and cuts wherever a row is full. The
// last id of a row is the first of the next, so that each id but the very first
// is predicted once.
type cutPacker struct {
	perRow int
	emit   func(block) error
	row    block
}

func (p *cutPacker) add(ids []int32) error {
	if len(ids) == 0 {
		return nil
	}
	if len(p.row.ids) == p.perRow {
		if err := p.turn(); err != nil {
			return err
		}
	}
	p.row.starts = append(p.row.starts, int32(len(p.row.ids)))
	for {
		n := min(len(ids), p.perRow-len(p.row.ids))
		p.row.ids = append(p.row.ids, ids[:n]...)
		if ids = ids[n:]; len(ids) == 0 {
			return nil
		}
		if err := p.turn(); err != nil {
			return err
		}
	}
}

// turn emits the full row, and begins the next with its last id.
func (p *cutPacker) turn() error {
	if err := p.emit(p.row); err != nil {
		return err
	}
	p.row.ids = append(p.row.ids[:0], p.row.ids[p.perRow-1])
	p.row.starts = p.row.starts[:0]
	return nil
}

func (p *cutPacker) flush() error {
	if len(p.row.ids) == 0 {
		return nil
	}
	err := p.emit(p.row)
	p.row = block{ids: p.row.ids[:0], starts: p.row.starts[:0]}
	return err
}

// bestFitPacker never splits a document that fits in a row. A longer one is cut
// into full rows that overlap by one id, and its rest is packed as if it were a
// document. Pieces go longest first into the row with the least room that is
// enough (best-fit decreasing). It looks at this many ids at once:
const bestFitWindow = 2 << 20

type bestFitPacker struct {
	perRow int
	emit   func(block) error
	ids    []int32 // of all pieces
	pieces []piecePlace
}

// A piecePlace is a piece of the window: where it lies, and whether it begins a
// document.
type piecePlace struct {
	at, n int
	whole bool
}

func (p *bestFitPacker) add(ids []int32) error {
	for whole := true; len(ids) > 0; whole = false {
		n := min(len(ids), p.perRow)
		if n == p.perRow {
			b := block{ids: ids[:n]}
			if whole {
				b.starts = []int32{0}
			}
			if err := p.emit(b); err != nil {
				return err
			}
			if n == len(ids) {
				return nil
			}
			ids = ids[n-1:]
			continue
		}
		p.pieces = append(p.pieces, piecePlace{len(p.ids), n, whole})
		p.ids = append(p.ids, ids...)
		break
	}
	if len(p.ids) >= bestFitWindow {
		return p.flush()
	}
	return nil
}

func (p *bestFitPacker) flush() error {
	slices.SortStableFunc(p.pieces, func(a, b piecePlace) int { return cmp.Compare(b.n, a.n) })
	var rows [][]piecePlace
	room := make([][]int, p.perRow+1) // free ids → rows that have this many free, the last opened first
	for _, piece := range p.pieces {
		free := piece.n
		for free < p.perRow && len(room[free]) == 0 {
			free++
		}
		row := len(rows)
		if free < p.perRow {
			last := len(room[free]) - 1
			row = room[free][last]
			room[free] = room[free][:last]
			rows[row] = append(rows[row], piece)
		} else {
			rows = append(rows, []piecePlace{piece})
		}
		room[free-piece.n] = append(room[free-piece.n], row)
	}
	var b block
	for _, row := range rows {
		b.ids, b.starts = b.ids[:0], b.starts[:0]
		for _, piece := range row {
			if piece.whole || len(b.ids) > 0 {
				b.starts = append(b.starts, int32(len(b.ids)))
			}
			b.ids = append(b.ids, p.ids[piece.at:piece.at+piece.n]...)
		}
		if err := p.emit(b); err != nil {
			return err
		}
	}
	p.ids, p.pieces = p.ids[:0], p.pieces[:0]
	return nil
}
