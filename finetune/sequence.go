package finetune

import (
	"fmt"
	"sort"
	"strings"

	"fragua/finetune/examples"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// A Segment is a piece of a sequence that is encoded by itself: ids of segments
// are joined, texts never are, so that the target's ids do not depend on what
// stands before them.
type Segment struct {
	Text   string
	Token  string // a special token instead of a text
	Learn  bool   // its ids are to be predicted
	Cut    bool   // may be shortened where the whole is too long
	Source bool   // an encoder reads it, where the model has one

	// Framed: with what the tokenizer's template puts around a text, [CLS] and [SEP]
	// or a beginning-of-text token. If that ends in a token, <|endoftext|> is not
	// put behind it.
	Framed bool
}

// A Sequencer turns an example into the segments that a model reads.
type Sequencer interface {
	// Segments is the whole sequence, target included.
	Segments(examples.Example) []Segment
	// Prompt is the part before the answer.
	Prompt(examples.Example) []Segment
	// Long says what to do with a sequence longer than the context.
	Long() TooLong
}

// A sequence is an example as ids.
type sequence struct {
	source []int32 // what the encoder reads, its end included; nil where the model has none
	ids    []int32
	learn  []bool // ids that are to be predicted
	class  int    // index of the label; -1: none
	row    int    // in the examples it was made of
}

// size is how many ids a model computes for the sequence.
func (s sequence) size() int { return len(s.source) + len(s.ids) }

// TooLong is what to do with an example that does not fit into the model's context.
type TooLong string

// The choices; there is no default.
const (
	LongError TooLong = "error"      // stop and say which
	LongDrop  TooLong = "drop"       // leave it out and count it
	KeepStart TooLong = "keep_start" // cut the text's end off
	KeepEnd   TooLong = "keep_end"   // cut its start off
	KeepEnds  TooLong = "keep_ends"  // cut its middle out
)

// Values lists the choices.
func (TooLong) Values() []string {
	return []string{string(LongError), string(LongDrop), string(KeepStart), string(KeepEnd), string(KeepEnds)}
}

// fault says that the choice is missing.
func (l TooLong) fault() []fault.Fault {
	if l != "" {
		return nil
	}
	return []fault.Fault{{Path: "too_long", Err: "too_long is not set: what is to become of examples that do not fit into the model's context?",
		Hint: "one of " + strings.Join(l.Values(), ", ")}}
}

// An encoder turns examples into sequences.
type encoder struct {
	tok     *tokenize.Tokenizer
	context int // ids that the model sees at once: of source and target each, where it has an encoder
	long    TooLong
	seq2seq bool // the model reads Source segments with its encoder
}

// A length tally says what became of examples by their length.
type lengths struct {
	Whole, Cut, Dropped int
	Longest             int // ids of the longest, uncut
}

// encode joins the segments of one example. It returns no ids where the
// example is dropped.
func (e encoder) encode(segments []Segment, tally *lengths) (s sequence, err error) {
	s.class = -1
	if e.seq2seq {
		var read []Segment
		if read, segments = split(segments); len(read) > 0 {
			for _, seg := range read {
				if s.source, err = e.tok.AppendIDs(s.source, seg.Text); err != nil {
					return s, err
				}
			}
			s.source = append(s.source, e.tok.EndOfText())
		}
	}
	total, starts := 0, make([]int, len(segments)+1)
	before, after := e.frame(segments)
	s.ids = append(s.ids, before...)
	for i, seg := range segments {
		switch {
		case i == 0:
			starts[0] = len(before)
		case seg.Token == tokenize.EndOfText && len(after) > 0 && segments[i-1].Framed:
			s.ids = append(s.ids, after...)
			starts[i+1] = len(s.ids)
			continue
		}
		if seg.Token != "" {
			id, ok := e.token(seg.Token)
			if !ok {
				return s, fault.Hintf(fmt.Errorf("the tokenizer has no special token %q", seg.Token), "it has: %s", strings.Join(specials(e.tok), ", "))
			}
			s.ids = append(s.ids, id)
		} else {
			if s.ids, err = e.tok.AppendIDs(s.ids, seg.Text); err != nil {
				return s, err
			}
		}
		starts[i+1] = len(s.ids)
	}
	for range before {
		s.learn = append(s.learn, false)
	}
	for i, seg := range segments {
		for range starts[i+1] - starts[i] {
			s.learn = append(s.learn, seg.Learn)
		}
	}
	total = len(s.ids)
	tally.Longest = max(tally.Longest, total)
	room := e.context
	if total > 0 && s.learn[total-1] {
		room++ // the last id is predicted, and not read
	}
	over := max(total-room, len(s.source)-e.context)
	tally.Longest = max(tally.Longest, len(s.source))
	if over <= 0 {
		tally.Whole++
		return s, nil
	}
	switch e.long {
	case LongDrop:
		tally.Dropped++
		return sequence{class: -1}, nil
	case LongError:
		return s, tooLong(max(total, len(s.source)), room)
	}
	for i, seg := range segments {
		from, to := starts[i], starts[i+1]
		if !seg.Cut || to-from <= over {
			continue
		}
		switch e.long {
		case KeepStart:
			from = to - over
		case KeepEnd:
			to = from + over
		default:
			from += (to - from - over + 1) / 2
			to = from + over
		}
		s.ids = append(s.ids[:from], s.ids[to:]...)
		s.learn = append(s.learn[:from], s.learn[to:]...)
		tally.Cut++
		return s, nil
	}
	return s, tooLong(total, room)
}

// split takes apart what an encoder reads and what the decoder does.
func split(segments []Segment) (source, rest []Segment) {
	for _, s := range segments {
		if s.Source {
			source = append(source, s)
		} else {
			rest = append(rest, s)
		}
	}
	return source, rest
}

// frame is what the tokenizer's template puts before and after a framed text.
func (e encoder) frame(segments []Segment) (before, after []int32) {
	if len(segments) == 0 || !segments[0].Framed {
		return nil, nil
	}
	const text = -1
	for i, id := range e.tok.WithTemplate([]int32{text}) {
		if id == text {
			before, after = before[:i], []int32{}
			continue
		}
		if after == nil {
			before = append(before, id)
		} else {
			after = append(after, id)
		}
	}
	return before, after
}

// token is the id of a special token; what ends a text in vocabularies of
// others stands for <|endoftext|>.
func (e encoder) token(name string) (int32, bool) {
	if name == tokenize.EndOfText {
		id := e.tok.EndOfText()
		return id, id >= 0
	}
	id, ok := e.tok.ID(name)
	return id, ok && e.tok.Special(id)
}

func tooLong(total, room int) error {
	return fault.Hintf(fmt.Errorf("%d tokens do not fit into %d", total, room),
		"set too_long: drop to leave such examples out, keep_start, keep_end or keep_ends to shorten texts, or pretrain with a longer context")
}

// specials lists the special tokens of a tokenizer.
func specials(t *tokenize.Tokenizer) []string {
	var names []string
	for _, a := range t.Added() {
		if a.Special {
			names = append(names, a.Content)
		}
	}
	sort.Strings(names)
	return names
}

// encodeAll encodes examples; those dropped are missing from the result.
func encodeAll(e encoder, q Sequencer, set []examples.Example, classes []string) ([]sequence, lengths, error) {
	at := make(map[string]int, len(classes))
	for i, c := range classes {
		at[c] = i
	}
	var tally lengths
	rows := make([]sequence, 0, len(set))
	for i, ex := range set {
		s, err := e.encode(q.Segments(ex), &tally)
		if err != nil {
			return nil, tally, fmt.Errorf("example %s: %w", ex.ID, err)
		}
		if s.ids == nil {
			continue
		}
		s.row = i
		if classes != nil {
			if len(ex.Labels) != 1 {
				return nil, tally, fmt.Errorf("example %s has %d labels, want one", ex.ID, len(ex.Labels))
			}
			c, ok := at[ex.Labels[0]]
			if !ok {
				return nil, tally, fault.Hintf(fmt.Errorf("example %s: label %q is not one of %q", ex.ID, ex.Labels[0], classes),
					"classes are those of the training examples")
			}
			s.class = c
		}
		rows = append(rows, s)
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

// Preview shows what a model is to learn of an example: every token, with
// those that are predicted in brackets, for instance
//
//	the ·end <|endoftext|> [el] [·fin] [<|endoftext|>]
func Preview(t *tokenize.Tokenizer, segments []Segment) string {
	var parts []string
	for _, seg := range segments {
		var pieces []string
		if seg.Token != "" {
			pieces = []string{seg.Token}
		} else {
			ids, err := t.AppendIDs(nil, seg.Text)
			if err != nil {
				pieces = append(pieces, fmt.Sprintf("(%v)", err))
			}
			for _, id := range ids {
				p := strings.NewReplacer(" ", "·", "\n", "⏎", "\t", "⇥").Replace(t.Decode([]int32{id}))
				pieces = append(pieces, p)
			}
		}
		for _, p := range pieces {
			if seg.Learn {
				p = "[" + p + "]"
			}
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}
