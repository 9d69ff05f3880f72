package corpus

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fragua/pipeline"
	"fragua/pipeline/minhash"
)

// made returns n words that depend on the seed.
func made(seed uint64, n int) []string {
	random := rand.New(rand.NewPCG(seed, 1))
	words := make([]string, n)
	for i := range words {
		words[i] = "w" + strconv.Itoa(random.IntN(1e6))
	}
	return words
}

// edited replaces every k-th word.
func edited(words []string, k int, by string) []string {
	words = slices.Clone(words)
	for i := k - 1; i < len(words); i += k {
		words[i] = by + strconv.Itoa(i)
	}
	return words
}

// outcome is what dedup made of the documents of a folder: by path and row.
func outcome(t *testing.T, last pipeline.StageResult) (kept []string, dropped map[string]Reject, all map[string]Document) {
	t.Helper()
	dropped, all = map[string]Reject{}, map[string]Document{}
	for _, d := range documents(t, last.Dir) {
		kept = append(kept, d.Title)
		all[d.Title] = d
	}
	for _, d := range rejected(t, last.Dir) {
		dropped[d.Title] = d
		all[d.Title] = d.Document
	}
	slices.Sort(kept)
	return kept, dropped, all
}

// titled is a line of JSON with a title.
func titled(title string, words []string) string {
	return fmt.Sprintf(`{"title":%q,"text":%q,"date":%q}`+"\n", title, strings.Join(words, " "), "2001-0"+strconv.Itoa(1+len(title)%9))
}

// TestSimilar: near-duplicates go, whatever shard they stand in; what is only near to a dropped one stays; and the
// columns say who is near whom.
func TestSimilar(t *testing.T) {
	a := made(1, 400)
	b := edited(a, 40, "x") // Jaccard about .78
	c := edited(b, 37, "y") // .75 to b, .6 to a
	recipe := `
stages:
  - {name: r, use: ingest, with: {part_bytes: 3000, steps: [], sources: [{jsonl: {path: .}}]}}
  - {name: d, use: dedup, from: [r], with: {match: {similar: {similarity: 0.7}}%s}}
`
	dir := write(t, map[string]string{
		"1.jsonl": titled("a", a) + titled("other", made(2, 300)),
		"2.jsonl": titled("copy of b", b) + titled("b", b) + titled("short", made(3, 3)),
		"3.jsonl": titled("c", c) + titled("short too", made(3, 3)) + titled("empty", []string{"..."}) + titled("empty too", []string{"..."}),
	})
	set := func(words []string) []uint64 { return minhash.NewScanner(5).Set(strings.Join(words, " ")) }
	ab, bc, ac := minhash.Jaccard(set(a), set(b)), minhash.Jaccard(set(b), set(c)), minhash.Jaccard(set(a), set(c))
	if ab < .7 || bc < .7 || ac > .69 {
		t.Fatal(ab, bc, ac)
	}
	kept, dropped, all := outcome(t, run(t, dir, fmt.Sprintf(recipe, ""), pipeline.Options{}).Stages[1])
	if got := strings.Join(kept, ", "); got != "a, c, empty, other, short" {
		t.Errorf("kept %s", got)
	}
	for title, near := range map[string]struct {
		of         string
		similarity float64
	}{"b": {"a", ab}, "copy of b": {"a", ab}, "short too": {"short", 1}, "empty too": {"empty", 1}} {
		r := dropped[title]
		if r.Rule != "dedup.similar" || r.Neighbor != all[near.of].ID || float32(r.Value) != float32(near.similarity) || r.Limit != .7 || !strings.Contains(r.Error, r.Neighbor) {
			t.Errorf("%s: %+v, want %+v", title, r, near)
		}
	}
	for _, title := range []string{"a", "b", "copy of b", "c"} {
		if d := all[title]; d.Cluster != all["a"].ID || d.ClusterSize != 4 {
			t.Errorf("%s stands in cluster %s of %d", title, d.Cluster, d.ClusterSize)
		}
	}
	if d := all["c"]; d.Neighbor != all["copy of b"].ID && d.Neighbor != all["b"].ID || float32(d.Similarity) != float32(bc) {
		t.Errorf("c: %+v", d)
	}
	if d := all["other"]; d.Cluster != "" || d.Neighbor != "" || d.ClusterSize != 0 {
		t.Errorf("other: %+v", d)
	}
	for keep, want := range map[string]string{
		"keep: longest": "a, c, empty, other, short", // all have 400 words: the first
		"keep: oldest":  "copy of b, empty too, other, short too",
		"prefer: [x]":   "a, c, empty, other, short",
		"drop: false":   "a, b, c, copy of b, empty, empty too, other, short, short too",
	} {
		kept, _, _ := outcome(t, run(t, dir, fmt.Sprintf(recipe, ", "+keep), pipeline.Options{}).Stages[1])
		if got := strings.Join(kept, ", "); got != want {
			t.Errorf("%s: kept %s, want %s", keep, got, want)
		}
	}
}

// TestContained: chapters and excerpts go for the sake of the longest that holds them.
func TestContained(t *testing.T) {
	book := made(1, 4000)
	excerpt := append(slices.Clone(book[1000:1300]), made(9, 20)...)
	dir := write(t, map[string]string{
		"1.jsonl": titled("chapter", book[:1500]) + titled("unlike", made(2, 500)),
		"2.jsonl": titled("book", book) + titled("copy", book),
		"3.jsonl": titled("preface", append(made(3, 300), book...)) + titled("excerpt", excerpt) + titled("half", append(slices.Clone(book[2000:2200]), made(4, 200)...)),
	})
	kept, dropped, all := outcome(t, run(t, dir, `
stages:
  - {name: r, use: ingest, with: {part_bytes: 3000, steps: [], sources: [{jsonl: {path: .}}]}}
  - {name: d, use: dedup, from: [r], with: {match: contained}}
`, pipeline.Options{}).Stages[1])
	if got := strings.Join(kept, ", "); got != "half, preface, unlike" {
		t.Errorf("kept %s", got)
	}
	for _, title := range []string{"chapter", "book", "copy", "excerpt"} {
		if r := dropped[title]; r.Neighbor != all["preface"].ID || r.Value < .8 || r.Rule != "dedup.contained" {
			t.Errorf("%s: %+v", title, r)
		}
	}
}

// TestDedupProperties: dedup gives the same bytes for any number of workers, and what it drops is as similar to one
// that stays as it says.
func TestDedupProperties(t *testing.T) {
	for seed := range uint64(2) {
		rt, random := t, rand.New(rand.NewPCG(seed, 2))
		var files [3]strings.Builder
		n := 0
		for range 1 + random.IntN(6) {
			base := made(random.Uint64N(1000), 1+random.IntN(200))
			for range 1 + random.IntN(5) {
				words := edited(base, 10+random.IntN(290), fmt.Sprint("v", random.IntN(3)))
				files[random.IntN(3)].WriteString(titled(strconv.Itoa(n), words))
				n++
			}
		}
		m := map[string]string{"0.jsonl": titled("first", made(5000, 30))}
		for i := range files {
			if files[i].Len() > 0 {
				m[strconv.Itoa(i+1)+".jsonl"] = files[i].String()
			}
		}
		dir := write(t, m)
		recipe := `
stages:
  - {name: r, use: ingest, with: {part_bytes: 2000, steps: [], sources: [{jsonl: {path: .}}]}}
  - {name: similar, use: dedup, from: [r], with: {match: {similar: {similarity: 0.6}}}}
  - {name: contained, use: dedup, from: [r], with: {match: {contained: {share: 0.6}}}}
`
		one, eight := run(t, dir, recipe, pipeline.Options{Workers: 1}), run(t, dir, recipe, pipeline.Options{Workers: 8})
		for i, stage := range one.Stages[1:] {
			if a, b := sums(t, stage.Dir.Path), sums(t, eight.Stages[1+i].Dir.Path); a != b {
				rt.Errorf("%s: one worker and eight write other bytes", stage.Name)
			}
			_, dropped, all := outcome(t, stage)
			byID := map[string]Document{}
			members := map[string]int64{}
			for _, d := range all {
				byID[d.ID] = d
				members[d.Cluster]++
			}
			if len(all) != n+1 {
				rt.Errorf("%d documents of %d", len(all), n+1)
			}
			for _, d := range all {
				if d.Cluster != "" && members[d.Cluster] != d.ClusterSize {
					rt.Errorf("cluster %s has %d members, it says %d", d.Cluster, members[d.Cluster], d.ClusterSize)
				}
			}
			for title, r := range dropped {
				of, ok := byID[r.Neighbor]
				if _, gone := dropped[of.Title]; !ok || gone {
					rt.Errorf("%s is dropped for the sake of %q, which does not stay", title, of.Title)
				}
				a, b := minhash.NewScanner(5).Set(r.Text), minhash.NewScanner(5).Set(of.Text)
				want := minhash.Jaccard(a, b)
				if stage.Name == "contained" {
					want = minhash.Containment(a, b)
				}
				if float32(want) != float32(r.Similarity) || want < .6 {
					rt.Errorf("%s: similarity %v, it is %v", title, r.Similarity, want)
				}
			}
		}
	}
}
