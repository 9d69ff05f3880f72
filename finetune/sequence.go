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
	// or a beginning-of-text token; then <|endoftext|> is not put behind it.
	Framed bool

	Special bool  // special tokens in the text get their ids: a chat template wrote it
	Err     error // why there are no segments
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
	learn  []bool  // ids that are to be predicted
	docs   []int32 // the document of each id, where several were packed into a row; nil: one
	class  int     // index of the label; -1: none
	labels []int   // where a text may have several: their indices
	value  float64 // where it has a number
	row    int     // in the examples it was made of
	window int     // a text that is longer takes several rows of this many ids; 0: one row, however long
}

// parts is how many rows of a batch the sequence takes, and width how many ids the longest of them has.
func (s sequence) parts() int {
	if s.window == 0 {
		return 1
	}
	return max(1, (len(s.ids)+s.window-1)/s.window)
}

func (s sequence) width() int {
	if s.parts() > 1 {
		return s.window
	}
	return len(s.ids)
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
	Windows   TooLong = "windows"    // read it in parts that overlap, and average what is said of them
	Whole     TooLong = "whole"      // read all of it, and pool the states of all parts
)

// Values lists the choices.
func (TooLong) Values() []string {
	return []string{string(LongError), string(LongDrop), string(KeepStart), string(KeepEnd), string(KeepEnds), string(Windows), string(Whole)}
}

// fault says that the choice is missing, or not one for goals whose answers are texts.
func (l TooLong) fault(classifies bool) []fault.Fault {
	if l != "" && (classifies || l != Windows && l != Whole) {
		return nil
	}
	if l != "" {
		return []fault.Fault{{Path: "too_long", Err: fmt.Sprintf("too_long: %s is for goals with classes", l), Hint: "drop leaves such examples out, and counts them"}}
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
	readsOn bool // the model reads rows of any length
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
	for _, seg := range segments {
		if seg.Err != nil {
			return s, seg.Err
		}
	}
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
	starts := make([]int, len(segments)+1)
	if len(segments) > 0 && segments[0].Special {
		s.ids, s.learn, err = e.whole(segments)
		return e.fit(s, segments, nil, err, tally)
	}
	before, after := e.frame(segments)
	s.ids = append(s.ids, before...)
	for i, seg := range segments {
		switch {
		case i == 0:
			starts[0] = len(before)
		case seg.Token == tokenize.EndOfText && len(after) > 0 && segments[i-1].Framed:
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
		if seg.Framed {
			s.ids = append(s.ids, after...)
		}
	}
	s.learn = make([]bool, len(s.ids))
	for i, seg := range segments {
		for k := starts[i]; k < starts[i+1]; k++ {
			s.learn[k] = seg.Learn
		}
	}
	return e.fit(s, segments, starts, nil, tally)
}

// fit counts a sequence, and shortens one that is longer than the context as the choice says. starts
// are the first ids of the segments that may be cut.
func (e encoder) fit(s sequence, segments []Segment, starts []int, err error, tally *lengths) (sequence, error) {
	if err != nil {
		return s, err
	}
	total := len(s.ids)
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

// whole encodes segments as one text. An id that holds the end of one segment and the beginning of
// the next is learned only if both are.
func (e encoder) whole(segments []Segment) (ids []int32, learn []bool, err error) {
	var text strings.Builder
	for _, seg := range segments {
		text.WriteString(seg.Text)
	}
	if ids, err = e.tok.AppendIDsSpecial(nil, text.String()); err != nil {
		return nil, nil, err
	}
	learn = make([]bool, len(ids))
	from, at := 0, 0
	for i, seg := range segments {
		at += len(seg.Text)
		to, straddles := len(ids), 0
		if i < len(segments)-1 {
			part, err := e.tok.AppendIDsSpecial(nil, text.String()[:at])
			if err != nil {
				return nil, nil, err
			}
			to = 0
			for to < len(part) && to < len(ids) && part[to] == ids[to] {
				to++
			}
			if to < len(part) {
				straddles = 1
			}
		}
		for k := from; k < to; k++ {
			learn[k] = seg.Learn
		}
		if straddles > 0 && to < len(ids) {
			learn[to] = seg.Learn && segments[i+1].Learn
		}
		from = max(from, to+straddles)
	}
	return ids, learn, nil
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
