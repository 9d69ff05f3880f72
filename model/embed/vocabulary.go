package embed

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
)

// A vocabulary is words with how often each occurs, the most frequent first.
type vocabulary struct {
	words  []string
	counts []int64
	index  map[string]uint32
}

// newVocabulary keeps the most frequent of the words that occur at least least times; words of
// equal count stand in the order of their bytes.
func newVocabulary(counts map[string]int64, least int64, most int) *vocabulary {
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	if len(words) > most {
		words = words[:most]
	}
	v := &vocabulary{index: map[string]uint32{}}
	for _, w := range words {
		if counts[w] >= least {
			v.add(w, counts[w])
		}
	}
	return v
}

func (v *vocabulary) add(word string, n int64) {
	v.index[word] = uint32(len(v.words))
	v.words, v.counts = append(v.words, word), append(v.counts, n)
}

// write writes a word and its count a line.
func (v *vocabulary) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	for i, word := range v.words {
		b.WriteString(word)
		b.WriteByte('\t')
		b.Write(strconv.AppendInt(b.AvailableBuffer(), v.counts[i], 10))
		b.WriteByte('\n')
	}
	return b.Flush()
}

// readVocabulary reads what write wrote.
func readVocabulary(name string) (*vocabulary, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	v := &vocabulary{index: map[string]uint32{}}
	line := 0
	for text := range strings.Lines(string(b)) {
		word, count, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\t")
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || word == "" {
			return nil, &fault.RowError{File: name, Row: int64(line), Err: errors.New("it is no word with a count")}
		}
		v.add(word, n)
		line++
	}
	return v, nil
}

// total is how many occurrences the words have together.
func (v *vocabulary) total() (n int64) {
	for _, c := range v.counts {
		n += c
	}
	return n
}

func (v *vocabulary) String() string {
	return fmt.Sprintf("%d words, %d occurrences", len(v.words), v.total())
}
