package main

import (
	"archive/zip"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
)

// A chain makes words as a language's letters follow each other. It is read from
// the n-gram tables of lingua-go, which hold P(last letter | the letters before)
// for n-grams inside words. What a letter's followers leave of probability 1 is
// the end of a word, and what its predecessors leave of its mass is the start.
type chain struct {
	starts []weighted            // words of up to 3 letters, whole, and the first 4 letters of longer ones
	next   map[string][]weighted // followers of 4 letters; "" ends the word
}

type weighted struct {
	text string
	sum  float64 // of the weights up to and with this one
}

var linguaFiles = []string{"unigrams", "bigrams", "trigrams", "quadrigrams", "fivegrams"}

func readChain(dir string) (*chain, error) {
	var tables [5]map[string]float64
	for n, name := range linguaFiles {
		t, err := readLingua(filepath.Join(dir, name+".pb.bin.zip"))
		if err != nil {
			return nil, err
		}
		tables[n] = t
	}
	// mass[n][g]: how much of all letters begin the n-gram g; own[n][g]: how much
	// of that stands at the start of a word.
	var mass, own [5]map[string]float64
	for n, t := range tables {
		mass[n], own[n] = map[string]float64{}, map[string]float64{}
		for g, p := range t {
			if n > 0 {
				p *= mass[n-1][string([]rune(g)[:n])]
			}
			mass[n][g], own[n][g] = p, p
		}
		if n > 0 {
			for _, g := range sortedKeys(mass[n]) {
				own[n-1][string([]rune(g)[1:])] -= mass[n][g]
			}
		}
	}
	c := &chain{next: map[string][]weighted{}}
	for n := range 4 {
		rest := map[string]float64{} // what of own[n] goes on
		if n < 3 {
			for _, g := range sortedKeys(own[n+1]) { // in order: sums of floats depend on it
				rest[string([]rune(g)[:n+1])] += max(own[n+1][g], 0)
			}
		}
		for _, g := range sortedKeys(own[n]) {
			m := own[n][g] - rest[g]
			if m > 1e-12 {
				c.starts = append(c.starts, weighted{g, m})
			}
		}
	}
	accumulate(c.starts)
	for _, g := range sortedKeys(tables[4]) {
		r := []rune(g)
		c.next[string(r[:4])] = append(c.next[string(r[:4])], weighted{string(r[4]), tables[4][g]})
	}
	for k, followers := range c.next {
		left := 1.0
		for _, f := range followers {
			left -= f.sum
		}
		c.next[k] = append(followers, weighted{"", max(left, 0)})
		accumulate(c.next[k])
	}
	return c, nil
}

func accumulate(list []weighted) {
	sum := 0.0
	for i := range list {
		sum += list[i].sum
		list[i].sum = sum
	}
}

func draw(list []weighted, rng *rand.Rand) string {
	x := rng.Float64() * list[len(list)-1].sum
	i, _ := slices.BinarySearchFunc(list, x, func(w weighted, x float64) int { return cmp.Compare(w.sum, x) })
	return list[min(i, len(list)-1)].text
}

func (c *chain) word(rng *rand.Rand) string {
	w := []rune(draw(c.starts, rng))
	if len(w) < 4 {
		return string(w)
	}
	for len(w) < 24 {
		followers := c.next[string(w[len(w)-4:])]
		if len(followers) == 0 {
			break
		}
		f := draw(followers, rng)
		if f == "" {
			break
		}
		w = append(w, []rune(f)...)
	}
	return string(w)
}

func sortedKeys(m map[string]float64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// readLingua reads one table: a zip file with one protobuf message, whose field 4
// is a list of sets, each with a probability (1) and the n-grams that have it (2).
func readLingua(name string) (map[string]float64, error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := z.File[0].Open()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	table := map[string]float64{}
	for field, value := range fields(b) {
		if field != 4 {
			continue
		}
		p := 0.0
		for field, value := range fields(value) {
			switch field {
			case 1:
				p = math.Float64frombits(binary.LittleEndian.Uint64(value))
			case 2:
				table[string(value)] = p
			}
		}
	}
	return table, nil
}

// fields yields the fields of a protobuf message of varints, doubles and bytes.
func fields(b []byte) func(func(uint64, []byte) bool) {
	return func(yield func(uint64, []byte) bool) {
		for len(b) > 0 {
			tag, n := binary.Uvarint(b)
			if n <= 0 {
				return
			}
			b = b[n:]
			size := 0
			switch tag & 7 {
			case 0:
				_, size = binary.Uvarint(b)
			case 1:
				size = 8
			case 2:
				length, n := binary.Uvarint(b)
				b, size = b[max(n, 0):], int(length)
			}
			if size > len(b) || size < 0 || !yield(tag>>3, b[:size]) {
				return
			}
			b = b[size:]
		}
	}
}
