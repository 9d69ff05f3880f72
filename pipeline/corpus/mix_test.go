package corpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
)

// TestPlace: whatever the groups, every split with a share gets one, shares are
// kept where there are many, and too few groups are refused.
func TestPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Mix{Validation: rapid.Float64Range(0, .4).Draw(t, "validation"), Test: rapid.Float64Range(0, .4).Draw(t, "test")}
		draws := rapid.SliceOfNDistinct(rapid.Uint64Range(0, 1<<64-2), 1, 12, rapid.ID[uint64]).Draw(t, "draws")
		// What several shards say, put together in any order, is what one says.
		var one survey
		for _, u := range draws {
			one.add(u, threshold(s.Validation))
		}
		c, err := s.place(one)
		count := map[string]int{}
		for _, u := range draws {
			count[c.split(u)]++
		}
		wanted := 1
		for _, share := range []float64{s.Validation, s.Test} {
			if threshold(share) > 0 {
				wanted++
			}
		}
		if err != nil {
			if count[Train] > 0 {
				t.Fatalf("refused, though %v", count)
			}
			return
		}
		if threshold(s.Validation) > 0 && count[Validation] == 0 || threshold(s.Test) > 0 && count[Test] == 0 && len(draws) >= wanted || count[Train] == 0 {
			t.Fatalf("%v of %d groups, cuts %+v, shares %v %v", count, len(draws), c, s.Validation, s.Test)
		}
	})
}

// TestSplitIsStable: a document's split depends on itself and the seed; other
// documents come and go.
func TestSplitIsStable(t *testing.T) {
	rows := func(from, to int) string {
		var s strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&s, `{"text": "row number %d", "key": "k%d"}`+"\n", i, i)
		}
		return s.String()
	}
	recipe := `
seed: %d
stages:
  - {name: r, use: ingest, with: {part_bytes: 2000, sources: [{jsonl: {path: a.jsonl, id: key}}]}}
  - {name: s, use: mix, from: [r], with: {validation: 0.1, test: 0.1}}
`
	split := func(dir string, seed int) map[string]string {
		stages := run(t, dir, fmt.Sprintf(recipe, seed), pipeline.Options{}).Stages
		m := map[string]string{}
		for _, d := range documents(t, stages[1].Dir) {
			m[d.ID] = d.Split
		}
		return m
	}
	all := split(write(t, map[string]string{"a.jsonl": rows(0, 1000)}), 1)
	part := split(write(t, map[string]string{"a.jsonl": rows(300, 900)}), 1)
	other := split(write(t, map[string]string{"a.jsonl": rows(0, 1000)}), 2)
	counts, moved := map[string]int{}, 0
	for id, s := range all {
		counts[s]++
		if p, ok := part[id]; ok && p != s {
			t.Errorf("%s is %s among 1000 and %s among 600", id, s, p)
		}
		if other[id] != s {
			moved++
		}
	}
	// 100 ± 4 standard deviations of 9.5
	if counts[Validation] < 62 || counts[Validation] > 138 || counts[Test] < 62 || counts[Test] > 138 {
		t.Errorf("shares of a tenth give %v of 1000", counts)
	}
	if len(all) != 1000 || len(part) != 600 || moved < 100 {
		t.Errorf("%d and %d documents, %d of which move with the seed", len(all), len(part), moved)
	}
}

// TestWeights: sources are taken as often as they weigh, and only training sees
// a document twice; a weight that names nothing is an error.
func TestWeights(t *testing.T) {
	var a strings.Builder
	for i := range 400 {
		fmt.Fprintf(&a, `{"text": "row number %d"}`+"\n", i)
	}
	dir := write(t, map[string]string{"a.jsonl": a.String(), "b.jsonl": a.String(), "c.jsonl": a.String()})
	recipe := `
stages:
  - name: r
    use: ingest
    with: {steps: [], sources: [{jsonl: {path: a.jsonl, name: half}}, {jsonl: {path: b.jsonl, name: more}}, {jsonl: {path: c.jsonl, name: none}}]}
  - {name: s, use: mix, from: [r], with: {validation: 0.25, weights: {half: 0.5, more: 2.5, none: 0}}}
`
	stage := run(t, dir, recipe, pipeline.Options{}).Stages[1]
	count, ids := map[string]int{}, map[string]bool{}
	for _, d := range documents(t, stage.Dir) {
		count[d.Source+" "+d.Split]++
		if ids[d.ID] {
			t.Errorf("id %s twice", d.ID)
		}
		ids[d.ID] = true
	}
	near := func(key string, want, by int) {
		if got := count[key]; got < want-by || got > want+by {
			t.Errorf("%s: %d, want %d ± %d", key, got, want, by)
		}
	}
	near("half train", 150, 40)
	near("half validation", 50, 28)
	near("more train", 750, 90)
	near("more validation", 100, 35)
	near("none train", 0, 0)
	if n := stage.Dir.Manifest.Counts.Dropped["mix.weights"]; n < 560 || n > 640 {
		t.Errorf("%d dropped", n)
	}
	c, err := pipeline.Parse("r.yaml", []byte(strings.Replace(recipe, "none: 0", "nobody: 1", 1)), dir, stageTable, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(t.Context(), c, pipeline.Options{Out: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("a weight that names nothing: %v", err)
	}
}

// TestGroups: chapters of a book stay together, rows of a table do not, and
// group_by says otherwise.
func TestGroups(t *testing.T) {
	chapter := &Document{ID: "1", Source: "s", Path: "p", Metadata: `{"chapter":1}`}
	next := &Document{ID: "2", Source: "s", Path: "p", Metadata: `{"chapter":2}`}
	rowA, rowB := &Document{ID: "3", Source: "s", Path: "p", URL: "u"}, &Document{ID: "4", Source: "s", Path: "p", URL: "u"}
	for by, together := range map[GroupBy][2]bool{ByBook: {true, false}, ByPath: {true, true}, ByID: {false, false}, ByURL: {false, true}} {
		s := &Mix{GroupBy: by}
		if got := [2]bool{s.group(chapter) == s.group(next), s.group(rowA) == s.group(rowB)}; got != together {
			t.Errorf("%s: chapters and rows together: %v, want %v", by, got, together)
		}
	}
}

// TestDedup: the first in the order of `from` stays, whatever its shard, and
// each other one names it.
func TestDedup(t *testing.T) {
	dir := write(t, map[string]string{
		"a/1.txt": "El perro, ladró.", "a/2.txt": "Otro.", "a/3.txt": "El perro, ladró.",
		"b/1.txt": "el PERRO ladro", "b/2.txt": "Otro.", "b/3.txt": "Nadie."})
	recipe := `
stages:
  - {name: a, use: ingest, with: {part_bytes: 1, sources: [{text: {path: a, name: a}}]}}
  - {name: b, use: ingest, with: {part_bytes: 1, sources: [{text: {path: b, name: b}}]}}
  - {name: ab, use: dedup, from: [a, b], with: {match: %s}}
  - {name: ba, use: dedup, from: [b, a], with: {match: %s}}
`
	for match, want := range map[string][2]string{
		"text":  {"a/1.txt a/2.txt b/1.txt b/3.txt", "a/1.txt b/1.txt b/2.txt b/3.txt"},
		"words": {"a/1.txt a/2.txt b/3.txt", "b/1.txt b/2.txt b/3.txt"},
	} {
		stages := run(t, dir, fmt.Sprintf(recipe, match, match), pipeline.Options{}).Stages[2:]
		for i, s := range stages {
			var kept []string
			ids := map[string]string{}
			for _, d := range documents(t, s.Dir) {
				kept = append(kept, d.Source+"/"+d.Path)
				ids[d.ID] = d.Text
			}
			slices.Sort(kept)
			if got := strings.Join(kept, " "); got != want[i] {
				t.Errorf("%s, order %d: kept %s, want %s", match, i, got, want[i])
			}
			for _, r := range rejected(t, s.Dir) {
				of, named := strings.CutPrefix(r.Error, "same "+match+" as document ")
				if !named || of != r.Neighbor || ids[of] == "" || match == "text" && ids[of] != r.Text || r.Value != 1 {
					t.Errorf("%s: %s/%s %q, similarity %v", match, r.Source, r.Path, r.Error, r.Value)
				}
			}
		}
	}
}

// TestFind: the bloom filter of a shard without the id spares its rows.
func TestFind(t *testing.T) {
	dir := write(t, map[string]string{"1.txt": "uno", "2.txt": "dos"})
	stage := run(t, dir, "stages: [{name: a, use: ingest, with: {part_bytes: 1, sources: [{text: {path: .}}]}}]", pipeline.Options{}).Stages[0]
	shards := stage.Dir.Files(DocumentShards...)
	if len(shards) != 2 {
		t.Fatal(shards)
	}
	for i, name := range []string{"1.txt", "2.txt"} {
		id := DocumentID("text", name, 0)
		if at, err := find(stage.Dir, id); err != nil || at == nil || at.Path != name {
			t.Errorf("%s: %+v %v", name, at, err)
		}
		if !mayHold(shards[i], id) || mayHold(shards[1-i], id) {
			t.Errorf("%s: the bloom filters do not tell shard %d from the other", name, i)
		}
	}
}
