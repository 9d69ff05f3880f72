package examples

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/pipeline/store"
	"fragua/tokenize/chat"
)

// A rowDecision is what the split phase holds of each row.
type rowDecision struct {
	same     xxh3.Uint128 // text, target and labels
	source   uint64       // the text as it is
	sentence uint64       // the text's letters and digits
	target   uint64       // the translation as it is
	score    float32      // of the pair
	rule     string       // why it is dropped; "" keeps it
}

// split drops duplicates and leaks, splits the rows and writes the shards. Two
// passes over the rows of the read phase: one for hashes, one for texts.
func (l *Label) split(ctx context.Context, env *pipeline.Env, _ pipeline.Task) (pipeline.Counts, error) {
	var dirs []string
	for _, d := range env.Phase("read") {
		dirs = append(dirs, d.Dir)
	}
	return l.splitRows(ctx, env, dirs)
}

func (l *Label) splitRows(ctx context.Context, env *pipeline.Env, dirs []string) (counts pipeline.Counts, err error) {
	decisions, members, classes, err := l.count(ctx, dirs)
	if err != nil {
		return counts, err
	}
	if len(decisions) == 0 {
		return counts, fault.Hintf(fmt.Errorf("no row is left to make an example of"), "the data hold no row, or each was refused: then `fragua inspect` shows why in the rejects.parquet below .fragua/work of the run")
	}
	l.dropDuplicates(decisions, members)
	kept := make([]member, 0, len(members)) // what is left to split, in order
	for i, f := range decisions {
		if f.rule == "" {
			kept = append(kept, members[i])
		}
	}
	l.Split.assign(kept, env.Seed)
	for i := range decisions {
		if decisions[i].rule == "" {
			members[i].split, kept = kept[0].split, kept[1:]
		}
	}
	dropLeaks(decisions, members)

	table := newLabelCount(classes)
	for i, f := range decisions {
		table.count(f, members[i])
	}
	if err := table.check(l.Data); err != nil {
		return counts, err
	}
	if w := table.warning(); w != "" {
		env.Progress.Say(w)
	}
	if counts, err = l.writeSplits(ctx, env, dirs, decisions, members); err != nil {
		return counts, err
	}
	return counts, pipeline.WriteMetrics(env.Out, table.metrics())
}

// readRows yields the rows of one file of every task of the read phase, in order.
func readRows[Row any](dirs []string, name string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, d := range dirs {
			for row, err := range shard.Read[Row](store.Join(d, name)) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// count hashes the rows and numbers their classes: a class is a set of labels.
func (l *Label) count(ctx context.Context, dirs []string) (decisions []rowDecision, members []member, classes [][]string, err error) {
	class := map[string]int32{}
	words, joined := newAligner(), shared{}
	for row, err := range readRows[labelled](dirs, "kept.parquet") {
		if err != nil {
			return nil, nil, nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, nil, err
		}
		labels := row.Labels
		if l.Numbers {
			labels = nil // all rows are of one class
		}
		name := strings.Join(labels, "\x00")
		c, ok := class[name]
		if !ok {
			c = int32(len(classes))
			class[name] = c
			classes = append(classes, labels)
		}
		f := rowDecision{
			same:     xxh3.HashString128(row.Text + "\x00" + row.Target + "\x00" + strings.Join(row.Labels, "\x00") + spoken(row.Messages)),
			source:   xxh3.HashString(row.Text),
			sentence: xxh3.HashString(sentenceKey(row.Text)),
			target:   xxh3.HashString(row.Target),
		}
		m := member{group: f.sentence, class: c, split: unset}
		if row.Group != "" {
			m.group = xxh3.HashString(row.Group)
		}
		for i, s := range places {
			if row.Split == s {
				m.split = uint8(i)
			}
		}
		if l.Pairs.Directions.both() {
			joined.join(f.sentence, xxh3.HashString(sentenceKey(row.Target)))
		}
		decisions, members = append(decisions, f), append(members, m)
		if l.Pairs.Score {
			words.add(row.Text, row.Target)
		}
	}
	if l.Pairs.Directions.both() {
		for i := range decisions {
			decisions[i].sentence = joined.root(decisions[i].sentence)
			members[i].group = decisions[i].sentence
		}
	}
	for i, score := range words.scores() {
		decisions[i].score = score
		if l.Pairs.MinScore < 0 && float64(score) < l.Pairs.MinScore {
			decisions[i].rule = "min_score"
		}
	}
	return decisions, members, classes, nil
}

// spoken is all that a conversation holds, as one text.
func spoken(messages []chat.Message) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "\x00%s %v %s", m.Role, m.Masked, m.Content)
	}
	return b.String()
}

// dropDuplicates keeps one of several equal rows, and of several translations
// of one source, or sources of one translation, where that is asked for. Rows that
// came as test stay before those that came as validation, these before all others, and rows without a label come last;
// then the best score stays, and of equal ones the first.
func (l *Label) dropDuplicates(decisions []rowDecision, members []member) {
	order := make([]int, 0, len(decisions))
	for i, f := range decisions {
		if f.rule == "" {
			order = append(order, i)
		}
	}
	rank := func(i int) int { return [...]int{2, 1, 0, 3}[members[i].split%unset] }
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), -cmp.Compare(decisions[a].score, decisions[b].score))
	})
	equal := map[xxh3.Uint128]bool{}
	bySource, byTarget := map[uint64]bool{}, map[uint64]bool{}
	for _, i := range order {
		f := &decisions[i]
		switch {
		case equal[f.same]:
			f.rule = "duplicate"
		case l.Pairs.OnePerSource && bySource[f.source]:
			f.rule = "same_source"
		case l.Pairs.OnePerTarget && byTarget[f.target]:
			f.rule = "same_target"
		default:
			equal[f.same], bySource[f.source], byTarget[f.target] = true, true, true
		}
	}
}

// dropLeaks takes out of train, and out of validation, what test holds, and
// out of train what validation holds: the same letters and digits count as the
// same sentence. Only data that came split, or groups, can leak. Texts without a
// label give way to all others.
func dropLeaks(decisions []rowDecision, members []member) {
	seen := map[uint64]bool{}
	for _, s := range [...]int{2, 1, 0, 3} { // of places
		for i := range decisions {
			if f := &decisions[i]; f.rule == "" && int(members[i].split) == s && seen[f.sentence] {
				f.rule = "leak"
			}
		}
		for i, f := range decisions {
			if f.rule == "" && int(members[i].split) == s {
				seen[f.sentence] = true
			}
		}
	}
}

// writeSplits writes each row where it belongs: a shard a split, and the
// rejects of both phases. A shard without rows is not written: Hugging Face
// datasets refuses one.
func (l *Label) writeSplits(ctx context.Context, env *pipeline.Env, dirs []string, decisions []rowDecision, members []member) (counts pipeline.Counts, err error) {
	var shards [len(places)]*shard.Writer[Example]
	var used [len(places)]bool
	for i, f := range decisions {
		if f.rule == "" {
			used[members[i].split] = true
		}
	}
	for s, name := range places {
		if !used[s] {
			continue
		}
		if shards[s], err = shard.Create[Example](shardPath(env, name+"-00000.parquet")); err != nil {
			return counts, err
		}
		defer shards[s].Abort()
	}
	rejects, err := shard.Create[Reject](shardPath(env, "rejects/rejects-00000.parquet"))
	if err != nil {
		return counts, err
	}
	defer rejects.Abort()
	for r, err := range readRows[Reject](dirs, "rejects.parquet") {
		if err != nil {
			return counts, err
		}
		if err := rejects.Write(r); err != nil {
			return counts, err
		}
	}
	i, seen := 0, copies{}
	for row, err := range readRows[labelled](dirs, "kept.parquet") {
		if err != nil {
			return counts, err
		}
		if err := ctx.Err(); err != nil {
			return counts, err
		}
		counts.Read++
		rule, to, score := decisions[i].rule, members[i].split, decisions[i].score
		i++
		if rule != "" {
			counts.Drop(rule)
			value := ""
			if score != 0 {
				value = fmt.Sprintf("score %.2f", score)
			}
			if err := rejects.Write(row.reject(rule, value)); err != nil {
				return counts, err
			}
			continue
		}
		counts.Kept++
		for _, e := range l.examples(row, to, score, seen) {
			counts.Sum(places[to], 1)
			if err := shards[to].Write(e); err != nil {
				return counts, err
			}
		}
	}
	var closing []func() (shard.File, error)
	if rejects.Rows() > 0 {
		closing = append(closing, rejects.Close)
	}
	for _, s := range shards {
		if s != nil {
			closing = append(closing, s.Close)
		}
	}
	for _, finish := range closing {
		s, err := finish()
		if err != nil {
			return counts, err
		}
		counts.Shards = append(counts.Shards, s)
	}
	return counts, nil
}

func shardPath(env *pipeline.Env, name string) string {
	return filepath.Join(env.Out, filepath.FromSlash(name))
}
