package corpus

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

// TestEditionsStayTogether: chapters of a book, editions of it, and what dedup clustered stand in one split.
func TestEditionsStayTogether(t *testing.T) {
	s := &Mix{GroupBy: ByBook}
	chapter := func(id, path, title, author, cluster string) *Document {
		return &Document{ID: id, Source: "s", Path: path, Title: title, Author: author, Language: "en", Metadata: `{"chapter":1}`, Cluster: cluster}
	}
	page := func(id, cluster string) *Document { return &Document{ID: id, Source: "w", Path: "p", Cluster: cluster} }
	docs := []*Document{
		chapter("1", "a.txt", "Frankenstein; Or, The Modern Prometheus", "Mary Wollstonecraft Shelley", ""),
		chapter("2", "b.htm", "Frankenstein", "Shelley, Mary", ""),
		chapter("3", "b.htm", "Frankenstein", "Shelley, Mary", "x"),
		page("4", "x"),
		chapter("5", "c.txt", "Emma", "Jane Austen", ""),
		page("6", ""),
		page("7", ""),
	}
	var j joined
	all := map[uint64]uint64{}
	for range docs { // a plain search for what hangs together
		for _, d := range docs {
			own := s.draws(1, d)
			least := own[0]
			for _, u := range own {
				if v, ok := all[u]; ok {
					least = min(least, v)
				}
				least = min(least, u)
			}
			for _, u := range own {
				all[u] = least
			}
		}
	}
	for u, to := range all {
		j = append(j, joinRecord{u, to})
	}
	slices.SortFunc(j, joinRecord.Compare)
	draw := func(i int) uint64 { return j.draw(s.draws(1, docs[i-1])) }
	if draw(1) != draw(2) || draw(2) != draw(3) || draw(3) != draw(4) {
		t.Errorf("editions and their cluster have other draws: %x %x %x %x", draw(1), draw(2), draw(3), draw(4))
	}
	if draw(4) == draw(5) || draw(5) == draw(6) || draw(6) == draw(7) {
		t.Error("what does not hang together has one draw")
	}
}

// TestLeaks: editions on both sides are found where groups cannot know of them, and what evaluation sets hold is
// dropped; a cluster never stands on both sides.
func TestLeaks(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	var a, eval strings.Builder
	texts := map[string][]string{}
	for i := range 60 {
		words := made(uint64(i), 200)
		title := fmt.Sprintf("%02d", i)
		texts[title] = words
		a.WriteString(titled(title, words))
		a.WriteString(titled(title+"'", edited(words, 50, "x"))) // Jaccard about .8: not the same words
		if i%20 == 7 {
			eval.WriteString(titled("item", words[50:50+20+random.IntN(20)]))
		}
	}
	eval.WriteString(titled("too short", made(7, 12)))
	dir := write(t, map[string]string{"a.jsonl": a.String(), "eval/set.jsonl": eval.String()})
	r := run(t, dir, `
seed: 3
stages:
  - {name: r, use: ingest, with: {part_bytes: 20000, steps: [], sources: [{jsonl: {path: a.jsonl}}]}}
  - {name: report, use: mix, from: [r], with: {validation: 0.2, test: 0.1}}
  - {name: drop, use: mix, from: [r], with: {validation: 0.2, test: 0.1, leaks: drop, decontaminate: [{jsonl: {path: eval}}]}}
  - {name: clusters, use: dedup, from: [r], with: {drop: false, match: {similar: {similarity: 0.5}}}}
  - {name: together, use: mix, from: [clusters], with: {validation: 0.2, test: 0.1}}
`, pipeline.Options{})
	split := func(stage int) (split, id map[string]string) {
		split, id = map[string]string{}, map[string]string{}
		for _, d := range documents(t, r.Stages[stage].Dir) {
			split[d.Title], id[d.ID] = d.Split, d.Title
		}
		return split, id
	}
	apart := func(m map[string]string) (n int) {
		for title := range texts {
			if x, y := m[title], m[title+"'"]; x != "" && y != "" && x != y && (x == Train || y == Train) {
				n++
			}
		}
		return n
	}
	reported, ids := split(1)
	want := apart(reported)
	var found int
	for _, name := range r.Stages[1].Dir.Files("leaks/*.parquet") {
		for l, err := range shard.Read[leak](name) {
			if err != nil {
				t.Fatal(err)
			}
			if x, y := ids[l.ID], ids[l.HeldOut]; strings.Trim(x, "'") != strings.Trim(y, "'") || reported[x] != Train || reported[y] == Train || l.Share < .5 {
				t.Errorf("%s leaks %s? %v", x, y, l.Share)
			}
			found++
		}
	}
	if sum := r.Stages[1].Dir.Manifest.Counts.Sums["leaks"]; want < 10 || found < want*8/10 || found > want || int64(found) != sum {
		t.Errorf("%d leaks found and %d counted, of %d", found, sum, want)
	}
	dropped, _ := split(2)
	if n := apart(dropped); n != want-found {
		t.Errorf("%d leaks stay, of %d", n, want)
	}
	counts := r.Stages[2].Dir.Manifest.Counts.Dropped
	for _, title := range []string{"07", "27", "47"} {
		if dropped[title] != "" {
			t.Errorf("%s holds an evaluation item", title)
		}
	}
	if n := counts["mix.decontaminate"]; n < 3 || n > 6 {
		t.Errorf("%d are contaminated, want those of 3 items and near ones", n)
	}
	if together, _ := split(4); apart(together) > 0 {
		t.Errorf("%d clusters stand on both sides", apart(together))
	}
	if n := r.Stages[4].Dir.Manifest.Counts.Sums["leaks"]; n != 0 {
		t.Errorf("%d leaks between clusters", n)
	}
}

// TestRates: temperature and budget give the shares and the words that they promise, and cluster sizes count.
func TestRates(t *testing.T) {
	var say []string
	env := &pipeline.Env{Progress: sayer(func(line string) { say = append(say, line) })}
	s := NewMix()
	s.Validation = 0
	words := map[string]float64{"en": 900_000, "es": 90_000, "gl": 10_000}
	if r := s.rates(env, words); r != nil {
		t.Errorf("with no setting the rates are %v", r)
	}
	s.Temperature = 2
	r := s.rates(env, words)
	total := 0.
	for l, n := range words {
		total += n * r[l]
	}
	if math.Abs(total-1e6) > 1 || math.Abs(r["es"]*90_000/(r["en"]*900_000)-math.Sqrt(.1)) > 1e-9 {
		t.Errorf("rates %v, %v words", r, total)
	}
	s.Temperature, s.Tokens = 1, 140_000
	if r := s.rates(env, words); math.Abs(r["en"]-.1) > 1e-9 || math.Abs(r["gl"]-.1) > 1e-9 {
		t.Errorf("a tenth of the words: %v", r)
	}
	if len(say) > 0 {
		t.Error(say)
	}
	if s.Tokens = 140_000_000; s.rates(env, words)["en"] != 16 || len(say) != 1 {
		t.Errorf("more than there is: %v, said %q", s.rates(env, words), say)
	}
	s.Rehydrate = map[string]float64{"1": 1, "2": 2, "5": 3, "100": 8, "1000": 1}
	for size, want := range map[int64]float64{0: 1, 1: 1, 2: 2, 4: 2, 5: 3, 99: 3, 100: 8, 5000: 1} {
		if got := s.weight("", &Document{ClusterSize: size}); got != want {
			t.Errorf("a cluster of %d: %v copies, want %v", size, got, want)
		}
	}
}

type sayer func(string)

func (sayer) Expect(int64, string)   {}
func (sayer) Measure(pipeline.Point) {}
func (sayer) Advance(int64)          {}
func (s sayer) Say(line string)      { s(line) }

// TestCurriculum: shards follow each other as the levels do, whatever the order of the inputs.
func TestCurriculum(t *testing.T) {
	var a, b strings.Builder
	for i := range 40 {
		a.WriteString(titled("a", made(uint64(i), 10+i*7%40*10)))
		b.WriteString(titled("b", made(uint64(100+i), 10+i*11%40*10)))
	}
	dir := write(t, map[string]string{"a.jsonl": a.String(), "b.jsonl": b.String()})
	r := run(t, dir, `
stages:
  - {name: r, use: ingest, with: {part_bytes: 20000, steps: [], sources: [{jsonl: {path: a.jsonl, name: a}}, {jsonl: {path: b.jsonl, name: b}}]}}
  - {name: source, use: mix, from: [r], with: {curriculum: {by: source, order: [b, a]}}}
  - {name: words, use: mix, from: [r], with: {curriculum: {by: words, levels: 4}}}
`, pipeline.Options{})
	last := ""
	for _, d := range documents(t, r.Stages[1].Dir, Train+"-*.parquet") {
		if last == "a" && d.Source == "b" {
			t.Fatal("b comes behind a")
		}
		last = d.Source
	}
	level, most, n := 0, int64(0), 0
	bounds := []int64{100, 200, 300, 400} // about
	for _, d := range documents(t, r.Stages[2].Dir, Train+"-*.parquet") {
		for level < 3 && d.Words > bounds[level]+15 {
			level++
		}
		if most = max(most, d.Words); d.Words < most-130 {
			t.Fatalf("a document of %d words behind one of %d", d.Words, most)
		}
		n++
	}
	if last != "a" || level != 3 || n < 70 {
		t.Errorf("last source %s, level %d, %d documents", last, level, n)
	}
}

// TestLengthClass: classes ascend with the words, and begin where they say.
func TestLengthClass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.Int64Range(0, 1<<55).Draw(t, "words")
		c := lengthClass(w)
		if c < 0 || c >= lengthClasses || leastLength(c) > w || leastLength(c+1) <= w || lengthClass(leastLength(c)) != c {
			t.Fatalf("%d words: class %d from %d to %d", w, c, leastLength(c), leastLength(c+1))
		}
	})
}
