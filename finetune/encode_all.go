package finetune

import (
	"fmt"
	"math"
	"slices"

	"fragua/finetune/examples"
	"fragua/pipeline/fault"
)

// encodeParts encodes one example: as one sequence; none, where it is dropped; or several that overlap
// by a quarter, where it is too long and read in windows.
func (e encoder) encodeParts(segments []Segment, tally *lengths) ([]sequence, error) {
	if e.long == Whole {
		s, err := e.encodeWhole(segments, tally)
		return []sequence{s}, err
	}
	if e.long != Windows {
		s, err := e.encode(segments, tally)
		if err != nil || s.ids == nil {
			return nil, err
		}
		return []sequence{s}, nil
	}
	unbounded := e
	unbounded.context = math.MaxInt32
	s, err := unbounded.encode(segments, tally)
	if err != nil || len(s.ids) <= e.context {
		return []sequence{s}, err
	}
	text, err := e.tok.AppendIDs(nil, segments[0].Text)
	if err != nil {
		return nil, err
	}
	before, _ := e.frame(segments)
	after := s.ids[len(before)+len(text):]
	room := e.context - len(before) - len(after)
	if room < 1 {
		return nil, tooLong(len(s.ids), e.context)
	}
	var parts []sequence
	for from := 0; ; from += max(room-room/4, 1) {
		from = min(from, len(text)-room) // the last window ends where the text does
		ids := slices.Concat(before, text[from:from+room], after)
		parts = append(parts, sequence{ids: ids, learn: make([]bool, len(ids)), class: -1})
		if from+room == len(text) {
			return parts, nil
		}
	}
}

// mostParts is how many contexts of a text are read as a whole; of a longer one the middle is cut out.
const mostParts = 16

// encodeWhole encodes one example as one sequence of as many parts as it needs, each of them framed as a
// text of its own. Where a model reads on, it is one part, however long.
func (e encoder) encodeWhole(segments []Segment, tally *lengths) (sequence, error) {
	before, after := e.frame(segments)
	frame := len(before) + len(after)
	room := e.context - frame
	if room < 1 {
		return sequence{}, tooLong(frame+1, e.context)
	}
	long := e
	long.context, long.long = mostParts*room+frame, KeepEnds
	s, err := long.encode(segments, tally)
	if err != nil || e.readsOn || len(s.ids) <= e.context {
		return s, err
	}
	var ids []int32
	for part := range slices.Chunk(s.ids[len(before):len(s.ids)-len(after)], room) {
		ids = append(append(append(ids, before...), part...), after...)
	}
	s.ids, s.learn, s.window = ids, make([]bool, len(ids)), e.context
	return s, nil
}

// encodeAll encodes examples; those dropped are missing from the result.
func encodeAll(e encoder, q Sequencer, set []examples.Example, classes []string) ([]sequence, lengths, error) {
	at := make(map[string]int, len(classes))
	for i, c := range classes {
		at[c] = i
	}
	var tally lengths
	_, several := q.(*Labels)
	_, numbers := q.(*Regression)
	rows := make([]sequence, 0, len(set))
	for i, ex := range set {
		parts, err := e.encodeParts(q.Segments(ex), &tally)
		if err != nil {
			return nil, tally, fmt.Errorf("example %s: %w", ex.ID, err)
		}
		var labels []int
		value := 0.0
		if numbers {
			if value, err = valueOf(ex); err != nil {
				return nil, tally, err
			}
		} else if classes != nil {
			if len(ex.Labels) != 1 && !several {
				return nil, tally, fmt.Errorf("example %s has %d labels, want one", ex.ID, len(ex.Labels))
			}
			for _, l := range ex.Labels {
				c, ok := at[l]
				if !ok {
					return nil, tally, fault.Hintf(fmt.Errorf("example %s: label %q is not one of %q", ex.ID, l, classes),
						"classes are those of the training examples")
				}
				labels = append(labels, c)
			}
		}
		for _, s := range parts {
			s.row, s.labels, s.value = i, labels, value
			if several || numbers {
				s.class = -1
			} else if classes != nil {
				s.class = labels[0]
			}
			rows = append(rows, s)
		}
	}
	return rows, tally, nil
}

// learned counts the ids that are to be predicted.
func learned(rows []sequence) (n int64) {
	for _, s := range rows {
		for _, l := range s.learn {
			if l {
				n++
			}
		}
	}
	return n
}
