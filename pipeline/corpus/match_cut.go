package corpus

import (
	"fmt"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
)

// A cutter is a match of parts of documents: those that stand in other documents are cut out.
type cutter interface {
	match
	expect(docs, words int64) int64
	// parts hands over the key of each part of a document, and its number.
	parts(s *signer, d *Document, add func(key minhash.Key, part uint32))
	// cut returns the text without the parts of these numbers, which ascend.
	cut(text string, parts []uint32) string
	// documents is in how many documents a part must stand, and whether it stays in the first of them.
	documents() (least int, first bool)
}

// Paragraphs cuts paragraphs that stand in a document before.
type Paragraphs struct {
	MinWords  int  `yaml:"min_words" doc:"Shorter ones are left alone."`
	Documents int  `yaml:"documents" doc:"In how many documents a paragraph must stand."`
	First     bool `yaml:"keep_first" doc:"Leave it in the first of them, by the order that keep declares."`
	gap       string
}

// NewParagraphs cuts what two documents share from the second on.
func NewParagraphs() *Paragraphs {
	return &Paragraphs{MinWords: 10, Documents: 2, First: true, gap: "\n\n"}
}

// NewLines cuts lines that stand in ten documents out of all of them: menus, notices, credits.
func NewLines() *Paragraphs { return &Paragraphs{MinWords: 2, Documents: 10, gap: "\n"} }

func (m *Paragraphs) check(*Dedup) []fault.Fault {
	if m.MinWords < 1 || m.Documents < 2 {
		return []fault.Fault{{Path: "match", Err: "min_words must be at least 1, and documents at least 2"}}
	}
	return nil
}
func (m *Paragraphs) phases(s *Dedup) []pipeline.Phase { return s.cutPhases() }
func (m *Paragraphs) expect(docs, words int64) int64   { return docs + words/int64(m.MinWords) }
func (m *Paragraphs) documents() (int, bool)           { return m.Documents, m.First }

func (m *Paragraphs) parts(s *signer, d *Document, add func(minhash.Key, uint32)) {
	i := uint32(0)
	for part := range strings.SplitSeq(d.Text, m.gap) {
		if s.scanner.Read(part); s.scanner.Words >= m.MinWords {
			add(s.scanner.Print, i)
		}
		i++
	}
}

func (m *Paragraphs) cut(text string, parts []uint32) string {
	var stay []string
	i := uint32(0)
	for part := range strings.SplitSeq(text, m.gap) {
		if len(parts) > 0 && parts[0] == i {
			parts = parts[1:]
		} else {
			stay = append(stay, part)
		}
		i++
	}
	return strings.TrimSpace(strings.Join(stay, m.gap))
}

// Substrings cuts runs of words, of any length from this many on, that stand in a document before. It finds what a
// suffix array over words finds (Lee et al. 2022, Deduplicating Training Data Makes Language Models Better): a run of
// n words or more is repeated just if each of its windows of n words is. Windows are sorted by a hash of 128 bits on
// disk: 32 bytes a word there, and none in memory.
type Substrings struct {
	Words int `yaml:"words" doc:"Words in a row from which a repetition is cut."`
}

// NewSubstrings cuts from 50 words on.
func NewSubstrings() *Substrings { return &Substrings{Words: 50} }

func (m *Substrings) check(*Dedup) []fault.Fault {
	if m.Words < 5 || m.Words > 10_000 {
		return []fault.Fault{{Path: "match.substrings.words", Err: fmt.Sprintf("words is %d, but must lie between 5 and 10000", m.Words), Hint: "words: 50"}}
	}
	return nil
}
func (m *Substrings) phases(s *Dedup) []pipeline.Phase { return s.cutPhases() }
func (m *Substrings) expect(docs, words int64) int64   { return docs + words }
func (m *Substrings) documents() (int, bool)           { return 2, true }

func (m *Substrings) parts(s *signer, d *Document, add func(minhash.Key, uint32)) {
	// Windows of n and of n−1 words from the same word on: two hashes of 64 bits.
	all := s.window(m.Words)
	s.sample = s.sample[:0]
	for some := range all.Shingles(d.Text) {
		s.sample = append(s.sample, some...)
	}
	if all.Words < m.Words {
		return
	}
	i := 0
	for some := range s.window(m.Words - 1).Shingles(d.Text) {
		for _, x := range some {
			if i < len(s.sample) {
				add(minhash.Key{High: s.sample[i], Low: x}, uint32(i))
			}
			i++
		}
	}
}

// window returns a scanner of windows of n words.
func (s *signer) window(n int) *minhash.Scanner {
	if s.windows == nil {
		s.windows = map[int]*minhash.Scanner{}
	}
	if s.windows[n] == nil {
		s.windows[n] = minhash.NewScanner(n)
	}
	return s.windows[n]
}

func (m *Substrings) cut(text string, parts []uint32) string {
	var b strings.Builder
	from, i := 0, 0 // what is kept begins there; the number of the word
	covered := 0    // words below are cut
	end := 0        // of the last word that was cut
	inside := false
	for start, stop := range minhash.Bounds(text) {
		for len(parts) > 0 && int(parts[0]) == i {
			covered = int(parts[0]) + m.Words
			parts = parts[1:]
		}
		switch cut := i < covered; {
		case cut && !inside:
			b.WriteString(text[from:start])
			inside = true
		case !cut && inside:
			from, inside = end, false
		}
		end = stop
		i++
	}
	if inside {
		from = end
	}
	b.WriteString(text[from:])
	return tidy(b.String())
}

// tidy removes lines that cutting left without a word, and blank lines but one.
func tidy(text string) string {
	var out []string
	blank := true
	for line := range strings.SplitSeq(text, "\n") {
		has := len(minhash.Words(line)) > 0
		if !has {
			line = ""
		}
		if has || !blank {
			out = append(out, strings.TrimRight(line, " \t"))
		}
		blank = !has
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}
