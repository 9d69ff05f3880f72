package metric

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// TER is the translation edit rate (Snover et al. 2006): how many edits turn a translation into
// its reference, for each word of the reference. An edit inserts, deletes or replaces a word, or
// moves a run of words. Case is folded and words are what stands between spaces, as sacrebleu
// has it by default. Finding the fewest edits is NP-hard; which moves are tried, and in what
// order, is tercom's, so that the figures are sacrebleu's.
type TER struct{}

// tercom's bounds.
const (
	terMostMoved   = 10   // words in a run
	terMostAway    = 50   // words between a run and its place
	terBand        = 25   // words beside the diagonal that alignments may go
	terMostTried   = 1000 // moves tried for a sentence
	terUnreachable = math.MaxInt32
)

// TERStats is what one sentence adds to the score.
type TERStats struct {
	Edits int
	Words float64 // of the reference; of several, their mean
}

// Add adds the stats of another sentence.
func (s *TERStats) Add(o TERStats) {
	s.Edits += o.Edits
	s.Words += o.Words
}

// Stats counts one sentence, against the reference that it needs the fewest edits for.
func (TER) Stats(hyp string, refs ...string) TERStats {
	words := terWords(hyp)
	s := TERStats{Edits: -1}
	for _, ref := range refs {
		r := terWords(ref)
		if n := terEdits(words, r); s.Edits < 0 || n < s.Edits {
			s.Edits = n
		}
		s.Words += float64(len(r)) / float64(len(refs))
	}
	return s
}

// Score turns stats into percent: 0 is best, and more than 100 is possible.
func (TER) Score(s TERStats) float64 {
	switch {
	case s.Words > 0:
		return 100 * (float64(s.Edits) / s.Words)
	case s.Edits > 0:
		return 100
	}
	return 0
}

// Signature says how the score was made, in sacrebleu's notation.
func (TER) Signature(refs [][]string) string {
	return fmt.Sprintf("nrefs:%s|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:%s", countRefs(refs), sacrebleu)
}

func terWords(s string) []string {
	return strings.FieldsFunc(cases.Lower(language.Und).String(s), isSpace)
}

// terEdits counts the edits that turn hyp into ref: as long as a move makes the edit distance
// smaller, the best one is made.
func terEdits(hyp, ref []string) int {
	if len(ref) == 0 {
		return len(hyp)
	}
	d := &editDistance{ref: ref, width: len(ref) + 1}
	moves, tried := 0, 0
	for {
		gain, moved := bestMove(d, hyp, ref, &tried)
		if tried >= terMostTried || gain <= 0 {
			break
		}
		moves++
		hyp = moved
	}
	return moves + d.of(hyp)
}

// bestMove returns the move of a run of words of hyp that makes the edit distance smallest, and by
// how much smaller it becomes. Of equal ones the longer run counts, then the one that begins
// earlier, then the one that goes to the earlier place.
func bestMove(d *editDistance, hyp, ref []string, tried *int) (gain int, moved []string) {
	before := d.of(hyp)
	at, hypWrong, refWrong := d.alignment(hyp)
	var best [4]int
	for start := range hyp {
		for to := range ref {
			if max(start-to, to-start) > terMostAway {
				continue
			}
			for n := 1; n <= terMostMoved && start+n <= len(hyp) && to+n <= len(ref) && hyp[start+n-1] == ref[to+n-1]; n++ {
				// Where either side is aligned well already, or the run would move into itself, nothing is gained.
				if !slices.Contains(hypWrong[start:start+n], true) || !slices.Contains(refWrong[to:to+n], true) ||
					start <= at[to] && at[to] < start+n {
					continue
				}
				previous := -1
				for i := to - 1; i < to+n; i++ {
					place := 0
					if i >= 0 {
						place = at[i] + 1
					}
					if place == previous {
						continue
					}
					previous = place
					candidate := move(hyp, start, n, place)
					rank := [4]int{before - d.of(candidate), n, -start, -place}
					*tried++
					if moved == nil || slices.Compare(rank[:], best[:]) > 0 {
						best, moved = rank, candidate
					}
				}
				if *tried >= terMostTried {
					return best[0], moved
				}
			}
		}
	}
	return best[0], moved
}

// move returns words with the n that begin at start put before the word at place.
func move(words []string, start, n, place int) []string {
	run := words[start : start+n]
	rest := slices.Concat(words[:start], words[start+n:])
	switch {
	case place < start:
	case place > start+n:
		place -= n
	default: // within itself: this many words of what follows come before it
		place = min(place, len(rest))
	}
	return slices.Concat(rest[:place], run, rest[place:])
}

// editDistance is Levenshtein's distance from hypotheses of one length to one reference, within a
// band beside the diagonal.
type editDistance struct {
	ref   []string
	width int
	last  []string // the hypothesis that the rows are of
	cost  []int32  // (len(last)+1) × width
	step  []byte   // how the cell was reached: ' ' equal, 's' replaced, 'd' deleted, 'i' inserted
}

// of computes the rows that differ from those of the hypothesis before.
func (d *editDistance) of(hyp []string) int {
	from := 0
	if len(hyp) == len(d.last) && d.cost != nil {
		for from < len(hyp) && hyp[from] == d.last[from] {
			from++
		}
	} else {
		d.cost, d.step = make([]int32, (len(hyp)+1)*d.width), make([]byte, (len(hyp)+1)*d.width)
		for j := range d.width {
			d.cost[j], d.step[j] = int32(j), 'i'
		}
	}
	d.last = hyp
	ratio := 1.0
	if len(hyp) > 0 {
		ratio = float64(len(d.ref)) / float64(len(hyp))
	}
	band := terBand
	if terBand < ratio/2 {
		band = int(math.Ceil(ratio/2 + terBand))
	}
	for i := from + 1; i <= len(hyp); i++ {
		above, row := d.cost[(i-1)*d.width:i*d.width], d.cost[i*d.width:(i+1)*d.width]
		step := d.step[i*d.width : (i+1)*d.width]
		for j := range row {
			row[j] = terUnreachable
		}
		diagonal := int(math.Floor(float64(i) * ratio))
		low, high := max(0, diagonal-band), min(d.width, diagonal+band)
		if i == len(hyp) {
			high = d.width
		}
		for j := low; j < high; j++ {
			if j == 0 {
				row[0], step[0] = above[0]+1, 'd'
				continue
			}
			same := hyp[i-1] == d.ref[j-1]
			best, how := above[j-1], byte(' ')
			if !same {
				best, how = plusOne(best), 's'
			}
			if c := plusOne(above[j]); c < best {
				best, how = c, 'd'
			}
			if c := plusOne(row[j-1]); c < best {
				best, how = c, 'i'
			}
			row[j], step[j] = best, how
		}
	}
	return int(d.cost[len(d.cost)-1])
}

func plusOne(c int32) int32 {
	if c == terUnreachable {
		return c
	}
	return c + 1
}

// alignment returns, for each word of the reference, the word of hyp that it stands beside (-1:
// before the first), and which words of either are not equal to theirs. Seen from the reference,
// what is inserted into hyp is deleted.
func (d *editDistance) alignment(hyp []string) (at []int, hypWrong, refWrong []bool) {
	d.of(hyp)
	var steps []byte
	for i, j := len(hyp), len(d.ref); i > 0 || j > 0; {
		s := d.step[i*d.width+j]
		steps = append(steps, s)
		if s != 'i' {
			i--
		}
		if s != 'd' {
			j--
		}
	}
	for _, s := range slices.Backward(steps) {
		if s != 'i' {
			hypWrong = append(hypWrong, s != ' ')
		}
		if s != 'd' {
			refWrong = append(refWrong, s != ' ')
			at = append(at, len(hypWrong)-1)
		}
	}
	return at, hypWrong, refWrong
}
