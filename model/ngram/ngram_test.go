package ngram

import (
	"bytes"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sentences gives words ids as they come: a 0, b 1 …; then </s>, then <unk>.
func sentences(text string) (streams [][]int32, id map[string]int32, o Options) {
	id = map[string]int32{}
	for _, line := range strings.Split(text, "\n") {
		var ids []int32
		for _, w := range strings.Fields(line) {
			if _, ok := id[w]; !ok {
				id[w] = int32(len(id))
			}
			ids = append(ids, id[w])
		}
		streams = append(streams, ids)
	}
	id["</s>"] = int32(len(id))
	id["<unk>"] = int32(len(id))
	for i := range streams {
		streams[i] = append(streams[i], id["</s>"])
	}
	id["<s>"] = id["</s>"] // as a context, the end of one is the beginning of the next
	return streams, id, Options{Vocab: len(id) - 1, End: id["</s>"]}
}

func train(t testing.TB, o Options, streams [][]int32) *Model {
	t.Helper()
	m, err := Train(o, slices.Values(streams))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// KenLM 4cb443e: lmplz -o 2 --discount_fallback on these four sentences, which
// needed the fallback at order 1 only.
func TestKenLMBigrams(t *testing.T) {
	streams, id, o := sentences("a b a c\na b\nb c a\na b a")
	o.Order = 2
	m := train(t, o, streams)
	if !slices.Equal(m.Fallback, []int{1}) {
		t.Errorf("fallback at orders %v, want 1", m.Fallback)
	}
	for _, c := range []struct {
		context, word string
		want          float64 // log10
	}{
		{"", "<unk>", -1}, {"", "a", -.60206}, {"", "</s>", -.60206}, {"", "b", -.69897}, {"", "c", -.69897},
		{"b", "a", -.2696215}, {"a", "b", -.8973377}, {"a", "c", -.7136933}, {"b", "</s>", -.7269988}, {"<s>", "a", -.6478175},
		// Back-off weights show where nothing was seen: p(unk|h) = b(h) · p(unk).
		{"<s>", "<unk>", -.0457575 - 1}, {"a", "<unk>", -.1983677 - 1}, {"b", "<unk>", -.4559320 - 1}, {"c", "<unk>", -.2218487 - 1},
	} {
		var context []int32
		if c.context != "" {
			context = []int32{id[c.context]}
		}
		if got := m.LogProb(context, id[c.word]) / math.Ln10; math.Abs(got-c.want) > 2e-6 {
			t.Errorf("log10 p(%s|%s) = %.7f, want %.7f", c.word, c.context, got, c.want)
		}
	}
}

// lmplz -o 3 --discount_fallback on the text of TestKenLMBigrams, and query on
// two sentences of which the second has an unknown word.
func TestKenLMTrigrams(t *testing.T) {
	streams, id, o := sentences("a b a c\na b\nb c a\na b a")
	o.Order = 3
	m := train(t, o, streams)
	sum, unk, n, known := 0.0, 0.0, 0, 0
	for _, c := range []struct {
		line string
		want float64
	}{{"a b c", -2.115984}, {"b d", -2.8519375}} {
		var ids []int32
		for _, w := range append(strings.Fields(c.line), "</s>") {
			i, ok := id[w]
			if !ok {
				i = id["<unk>"]
				unk += m.LogProb(append([]int32{id["<s>"]}, ids...), i)
			} else {
				known++
			}
			ids = append(ids, i)
		}
		got := m.Score(ids)
		if math.Abs(got/math.Ln10-c.want) > 5e-6 {
			t.Errorf("%q: %.7f, want %.7f", c.line, got/math.Ln10, c.want)
		}
		sum, n = sum+got, n+len(ids)
	}
	if ppl := math.Exp(-sum / float64(n)); n != 7 || math.Abs(ppl-5.125109) > 2e-5 {
		t.Errorf("perplexity %.6f of %d", ppl, n)
	}
	if ppl := math.Exp(-(sum - unk) / float64(known)); math.Abs(ppl-3.638957) > 2e-5 {
		t.Errorf("perplexity without unknown words %.6f of %d", ppl, known)
	}
}

// drawStreams gives texts over few ids, some closed and some not.
func drawStreams(t *rapid.T) (Options, [][]int32) {
	o := Options{Order: rapid.IntRange(1, MaxOrder).Draw(t, "order"), Vocab: rapid.IntRange(1, 6).Draw(t, "vocab")}
	o.End = rapid.Int32Range(0, int32(o.Vocab-1)).Draw(t, "end")
	return o, rapid.SliceOfN(rapid.SliceOfN(rapid.Int32Range(0, int32(o.Vocab-1)), 1, 30), 1, 8).Draw(t, "streams")
}

// After any context the probabilities of all ids sum to one.
func TestSumsToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, streams := drawStreams(t)
		c, err := NewCounter(o)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range streams {
			add := c.Add
			if i > 0 && rapid.Bool().Draw(t, "rest of a text") {
				add = c.AddRest
			}
			if err := add(s); err != nil {
				t.Fatal(err)
			}
		}
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		context := rapid.SliceOfN(rapid.Int32Range(0, int32(o.Vocab-1)), 0, 6).Draw(t, "context")
		sum := 0.0
		for id := range int32(o.Vocab) {
			sum += math.Exp(m.LogProb(context, id))
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Fatalf("after %v the probabilities sum to %v", context, sum)
		}
	})
}

// Bigrams of a text that is cut into rows overlapping by one id are those of the
// whole text.
func TestRestOfAText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, streams := drawStreams(t)
		o.Order = min(o.Order, 2)
		whole, err := Train(o, slices.Values(streams))
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewCounter(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range streams {
			cut := rapid.IntRange(1, len(s)).Draw(t, "cut")
			if s[cut-1] == o.End { // what follows is no rest
				cut = len(s)
			}
			if err := c.Add(s[:cut]); err != nil {
				t.Fatal(err)
			}
			if cut < len(s) {
				if err := c.AddRest(s[cut-1:]); err != nil {
					t.Fatal(err)
				}
			}
		}
		parts, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(parts, whole) {
			t.Fatalf("cut texts gave another model")
		}
	})
}

// reference is the formula of the package's comment, written down as it stands,
// over strings of ids. It shares no code with the trie.
type reference struct {
	o      Options
	adj    []map[string]float64 // by order: adjusted counts
	d      []Discounts
	prefix map[string][]string // context → n-grams that continue it
}

func newReference(o Options, streams [][]int32) *reference {
	r := &reference{o: o, prefix: map[string][]string{}}
	raw := make([]map[string]float64, o.Order+1)
	for k := range raw {
		raw[k] = map[string]float64{}
		r.adj = append(r.adj, map[string]float64{})
	}
	begin := int32(o.Vocab)
	for _, s := range streams {
		text := []int32{begin}
		for _, id := range s {
			text = append(text, id)
			for k := 1; k <= o.Order && k <= len(text); k++ {
				raw[k][string(text[len(text)-k:])]++
			}
			if id == o.End {
				text = []int32{begin}
			}
		}
	}
	for k := 1; k <= o.Order; k++ {
		for g, n := range raw[k] {
			if k == o.Order || []rune(g)[0] == begin {
				r.adj[k][g] = n
			}
			if k > 1 {
				r.adj[k-1][string([]rune(g)[1:])]++
			}
			if []rune(g)[k-1] != begin {
				h := string([]rune(g)[:k-1])
				r.prefix[h] = append(r.prefix[h], g)
			}
		}
	}
	for k := 1; k <= o.Order; k++ {
		var counts []uint32
		for g := range raw[k] {
			counts = append(counts, uint32(r.adj[k][g]))
		}
		d, _ := discounts(counts)
		r.d = append(r.d, d)
	}
	return r
}

func (r *reference) p(h []rune, w rune) float64 {
	k := len(h) + 1
	sum, off, a := 0.0, 0.0, 0.0
	for _, g := range r.prefix[string(h)] {
		n := r.adj[k][g]
		sum += n
		off += r.d[k-1].of(uint32(n))
		if []rune(g)[k-1] == w {
			a = n
		}
	}
	lower := 1 / float64(r.o.Vocab)
	if k > 1 {
		lower = r.p(h[1:], w)
	}
	if sum == 0 {
		return lower
	}
	return (a-r.d[k-1].of(uint32(a)))/sum + off/sum*lower
}

func TestAgainstTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, streams := drawStreams(t)
		m, err := Train(o, slices.Values(streams))
		if err != nil {
			t.Fatal(err)
		}
		r := newReference(o, streams)
		ids := rapid.SliceOfN(rapid.Int32Range(0, int32(o.Vocab-1)), 1, 12).Draw(t, "ids")
		want, step := 0.0, 0.0
		h, context := []rune{rune(o.Vocab)}, []int32{o.End}
		for _, id := range ids {
			h = h[max(0, len(h)-o.Order+1):]
			want += math.Log(r.p(h, id))
			step += m.LogProb(context, id)
			context = append(context, id)
			if h = append(slices.Clone(h), id); id == o.End {
				h = []rune{rune(o.Vocab)}
			}
		}
		if got := m.Score(ids); math.Abs(got-want) > 1e-4 || math.Abs(got-step) > 1e-9 {
			t.Fatalf("score of %v: %v, step by step %v, want %v", ids, got, step, want)
		}
	})
}

func TestFile(t *testing.T) {
	streams, _, o := sentences("the hammer falls\nthe iron bends\nthe hammer rests and the iron cools\nand the smith rests")
	o.Order = 3
	m := train(t, o, streams)
	var b, again bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.ngram")
	os.WriteFile(path, b.Bytes(), 0o644)
	got, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Errorf("read another model than was written")
	}
	if got.Write(&again); !bytes.Equal(again.Bytes(), b.Bytes()) {
		t.Error("other bytes")
	}
	for n := range b.Len() {
		if _, err := Read(bytes.NewReader(b.Bytes()[:n]), int64(n)); err == nil {
			t.Fatalf("cut to %d bytes: no error", n)
		}
	}
	for i := range b.Bytes() {
		bad := bytes.Clone(b.Bytes())
		bad[i] ^= 4
		if _, err := Read(bytes.NewReader(bad), int64(len(bad))); err == nil {
			t.Fatalf("byte %d changed: no error", i)
		}
	}
	os.WriteFile(path, []byte("nothing of the kind"), 0o644)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("another file: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for want, o := range map[string]Options{"order": {Order: MaxOrder + 1, Vocab: 2}, "vocabulary of": {Order: 1}, "end id": {Order: 1, Vocab: 2, End: 2}} {
		if _, err := NewCounter(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	o := Options{Order: 2, Vocab: 3}
	if _, err := Train(o, slices.Values([][]int32{{1, 3}})); err == nil || !strings.Contains(err.Error(), "id 3") {
		t.Errorf("an id beyond the vocabulary: %v", err)
	}
	if _, err := Train(o, iter.Seq[[]int32](func(func([]int32) bool) {})); err == nil {
		t.Error("nothing to learn from: no error")
	}
}

// fuzzed files come with a right checksum, or nothing behind it would be tried.
func FuzzRead(f *testing.F) {
	streams, _, o := sentences("a b a c\na b\nb c a\na b a")
	for o.Order = 1; o.Order <= 3; o.Order++ {
		var b bytes.Buffer
		if err := train(f, o, streams).Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes()[:b.Len()-4])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := checksum(b)
		file := append(bytes.Clone(b), byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
		m, err := Read(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		m.Score([]int32{0, int32(m.Vocab() - 1), m.End(), 0, 0, int32(m.Vocab() / 2)})
	})
}

func BenchmarkTrain(b *testing.B) {
	streams := randomStreams(200, 5000)
	for b.Loop() {
		train(b, Options{Order: 4, Vocab: 8192, End: 0}, streams)
	}
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkScore(b *testing.B) {
	streams := randomStreams(200, 5000)
	m := train(b, Options{Order: 4, Vocab: 8192, End: 0}, streams)
	for b.Loop() {
		m.Score(streams[7])
	}
	b.ReportMetric(5000*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// randomStreams follow a walk that repeats itself roughly as text does.
func randomStreams(n, length int) (streams [][]int32) {
	x := uint64(1)
	for range n {
		s := make([]int32, length)
		last := uint64(0)
		for i := range s {
			x = mix(x + 0x9e3779b97f4a7c15)
			last = mix(last%97+x%3) % (1 + x>>32%8191)
			s[i] = int32(1 + last)
		}
		s[length-1] = 0
		streams = append(streams, s)
	}
	return streams
}

// A pruned model is one of proper distributions, whose smallest counts are gone,
// and Distribution is LogProb of every id.
func TestPruned(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	o := Options{Order: 6, Vocab: 7, End: 6, MinCount: 3}
	var streams [][]int32
	for range 60 {
		var s []int32
		for range 40 {
			s = append(s, int32(rng.ExpFloat64()*2)%6)
		}
		streams = append(streams, append(s, 6))
	}
	m := train(t, o, streams)
	o.MinCount = 0
	full := train(t, o, streams)
	for k, n := range m.NGrams() {
		if all := full.NGrams()[k]; k < 2 && n != all || k >= 2 && (n == 0 || n >= all) {
			t.Errorf("%d of %d %d-grams are kept", n, all, k+1)
		}
	}
	if err := m.check(); err != nil {
		t.Error(err)
	}
	p := make([]float64, o.Vocab)
	for range 300 {
		var context []int32
		for range rng.IntN(8) {
			context = append(context, int32(rng.IntN(7)))
		}
		for _, m := range []*Model{m, full} {
			m.Distribution(p, context)
			sum := 0.0
			for id, x := range p {
				sum += x
				if want := math.Exp(m.LogProb(context, int32(id))); math.Abs(x-want) > 1e-6 {
					t.Errorf("p(%d|%v) is %g in the distribution, %g alone", id, context, x, want)
				}
			}
			if math.Abs(sum-1) > 1e-5 {
				t.Errorf("probabilities after %v sum to %g", context, sum)
			}
			if match := m.Match(context); match.Length > min(len(context), 5) || match.Followers < 1 || match.LogBack > 1e-6 {
				t.Errorf("after %v: %+v", context, match)
			}
		}
	}
}
