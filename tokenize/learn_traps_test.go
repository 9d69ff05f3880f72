package tokenize

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What is easily got wrong in learning; what concerns ties, units, the alphabet,
// counts of 64 bits and line ends stands in traps_test.go.

// Learning ends when the vocabulary is full, when no pair is left, when none
// occurs at least once, or as often as is asked for.
func TestWhenLearningEnds(t *testing.T) {
	const text = "aaab aab ab ab ab"
	for _, c := range []struct {
		why    string
		change func(*Learn)
		merges []string
	}{
		{"nothing is left", nil, []string{"a b 5", "Ġ ab 3", "a ab 2", "a aab 1", "Ġ aab 1"}},
		{"the vocabulary is full", func(l *Learn) { l.VocabSize = 259 }, []string{"a b 5", "Ġ ab 3"}},
		{"others are too rare", func(l *Learn) { l.MinFrequency = 3 }, []string{"a b 5", "Ġ ab 3"}},
		{"and 1 asks for nothing", func(l *Learn) { l.MinFrequency = 1 }, []string{"a b 5", "Ġ ab 3", "a ab 2", "a aab 1", "Ġ aab 1"}},
	} {
		tr, tok := trainOn(t, text, c.change)
		var got []string
		for i, m := range mergesIn(t, tok) {
			got = append(got, fmt.Sprintf("%s %s %d", m[0], m[1], tr.Counts[i]))
		}
		if !slices.Equal(got, c.merges) {
			t.Errorf("%s: %q, want %q", c.why, got, c.merges)
		}
	}
}

// The limit is a length that tokens stay below, and a pair of bytes is merged
// whatever the limit is.
func TestMaxTokenLengthIsStrict(t *testing.T) {
	text := strings.Repeat("abcdefgh ", 9)
	for most, longest := range map[int]int{0: 9, 2: 2, 3: 2, 4: 3, 5: 4, 6: 5, 10: 9} {
		_, tok := trainOn(t, text+text, func(l *Learn) { l.MaxTokenLength = most })
		got := 0
		for id := range tok.VocabSize() {
			if token, _ := tok.Token(int32(id)); token != EndOfText {
				got = max(got, tok.ByteLen(int32(id)))
			}
		}
		if got != longest {
			t.Errorf("max_token_length %d: the longest token has %d bytes, want %d", most, got, longest)
		}
	}
}
