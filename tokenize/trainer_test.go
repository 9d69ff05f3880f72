package tokenize

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// A plainTrainer is the trainer without lists, tables and thresholds: Hugging
// Face's algorithm, step by step. It defines what the trainer learns.
type plainTrainer struct {
	words  [][]string
	times  []int64
	count  map[[2]string]int64
	queue  []plainEntry
	id     map[string]int
	merges []string
}

type plainEntry struct {
	count int64
	pair  [2]string
	words map[int]bool
}

// push queues what was made, in the order of the pairs.
func (t *plainTrainer) push(made map[[2]string]map[int]bool) {
	for _, p := range slices.SortedFunc(maps.Keys(made), t.byID) {
		if n := t.count[p]; n > 0 {
			t.queue = append(t.queue, plainEntry{n, p, made[p]})
		}
	}
}

func (t *plainTrainer) byID(a, b [2]string) int {
	if d := t.id[a[0]] - t.id[b[0]]; d != 0 {
		return d
	}
	return t.id[a[1]] - t.id[b[1]]
}

func (t *plainTrainer) learn(size, most int, least int64) {
	made := map[[2]string]map[int]bool{}
	see := func(w int, left, right string) {
		p := [2]string{left, right}
		t.count[p] += t.times[w]
		if made[p] == nil {
			made[p] = map[int]bool{}
		}
		made[p][w] = true
	}
	for w, s := range t.words {
		for j := range len(s) - 1 {
			see(w, s[j], s[j+1])
		}
	}
	t.push(made)
	for len(t.id) < size {
		best := -1
		for i := range t.queue {
			e := &t.queue[i]
			e.count = t.count[e.pair]
			if best < 0 || e.count > t.queue[best].count || e.count == t.queue[best].count && t.byID(e.pair, t.queue[best].pair) < 0 {
				best = i
			}
		}
		if best < 0 || t.queue[best].count < max(least, 1) {
			return
		}
		e := t.queue[best]
		t.queue = slices.Delete(t.queue, best, best+1)
		left, right, whole := e.pair[0], e.pair[1], e.pair[0]+e.pair[1]
		if _, ok := t.id[whole]; !ok {
			t.id[whole] = len(t.id)
		}
		t.merges = append(t.merges, fmt.Sprint(left, "+", right, " ", e.count))
		made = map[[2]string]map[int]bool{}
		for w := range t.words {
			if !e.words[w] {
				continue
			}
			s := t.words[w]
			var out []string
			for r := 0; r < len(s); r++ {
				if r+1 == len(s) || s[r] != left || s[r+1] != right {
					out = append(out, s[r])
					continue
				}
				if k := len(out); k > 0 {
					t.count[[2]string{out[k-1], left}] -= t.times[w]
					if most == 0 || len(out[k-1])+len(whole) < most {
						see(w, out[k-1], whole)
					}
				}
				if r+2 < len(s) {
					t.count[[2]string{right, s[r+2]}] -= t.times[w]
					if most == 0 || len(s[r+2])+len(whole) < most {
						see(w, whole, s[r+2])
					}
				}
				out = append(out, whole)
				r++
			}
			t.words[w] = out
		}
		t.push(made)
	}
}

func TestTrainerAgainstPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		counts := map[string]int64{}
		letters := 1 + r.IntN(4)
		for range 1 + r.IntN(90) {
			word := make([]byte, 1+r.IntN(14))
			for j := range word {
				word[j] = 'a' + byte(r.IntN(letters))
			}
			if i%2 == 0 { // runs, within which pairs overlap
				word = append(bytes.Repeat([]byte("a"), len(word)), "bcdefgh"[r.IntN(7)])
				word = append(word, word[:r.IntN(len(word))]...)
			}
			counts[string(word)] = 1 + int64(r.IntN(1<<r.IntN(9)))
		}
		c := newWordCounter()
		for word, n := range counts {
			c.addWord(word, n)
		}
		w := c.words()
		special := []string{"<|x|>", "ab", "aa"}[:1+i%3]
		least, most := int64(r.IntN(3)), []int{0, 0, 2, 3, 5}[r.IntN(5)]
		size := 256 + len(special) + r.IntN(200)

		plain := &plainTrainer{count: map[[2]string]int64{}, id: map[string]int{}, times: w.n}
		l := &Learn{Ties: TiesHF, Special: special}
		tokens, ofByte, _, err := l.begin()
		if err != nil {
			t.Fatal(err)
		}
		for id, token := range tokens {
			plain.id[token] = id
		}
		for j := range w.n {
			var s []string
			for _, c := range []byte(w.at(j)) {
				s = append(s, string([]byte{c}))
			}
			plain.words = append(plain.words, s)
		}
		plain.learn(size, most, least)

		for _, floor := range []int64{1, 40, 3000} {
			fast := newTrainer(w, tokens, ofByte, most, max(floor, least), false)
			for len(fast.tokens) < size {
				top, ok := fast.next(least)
				if !ok {
					break
				}
				fast.merge(top)
			}
			got := make([]string, len(fast.merges))
			for k, m := range fast.merges {
				got[k] = fmt.Sprint(fast.tokens[m[0]], "+", fast.tokens[m[1]], " ", fast.counts[k])
			}
			if slices.Equal(got, plain.merges) {
				continue
			}
			k := 0
			for k < min(len(got), len(plain.merges)) && got[k] == plain.merges[k] {
				k++
			}
			t.Fatalf("floor %d, least %d, most %d, special %q, words %v: from merge %d it learns %q, want %q",
				floor, least, most, special, counts, k, got[k:], plain.merges[k:])
		}
	}
}
