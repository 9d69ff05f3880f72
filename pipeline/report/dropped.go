package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

const (
	droppedShown = 3   // samples of a rule
	droppedRunes = 280 // of a sample's text
)

// A droppedRule is a rule of one stage with samples of what it dropped.
type droppedRule struct {
	Rule    string
	N       int64 // rows, of all phases
	Samples []droppedRow
}

// A droppedRow is a row of the rejects: Value is what the rule measured, Limit
// what it demands, Note what numbers do not say.
type droppedRow struct{ Where, Text, Value, Limit, Note string }

// droppedOf returns the first rows that each rule dropped, in the order of the
// rejects. A rule's first rows come from as many files as possible.
func droppedOf(dir pipeline.Dir) ([]droppedRule, error) {
	var rules []droppedRule
	at := map[string]int{}
	want, all := 0, map[string]int64{}
	count := func(c pipeline.Counts) {
		for rule, n := range c.Dropped {
			want += int(min(n, droppedShown))
			all[rule] += n
		}
	}
	count(dir.Manifest.Counts)
	for _, p := range dir.Manifest.Phases {
		count(p.Counts)
	}
	found := 0
	for _, name := range dir.Files("rejects/*.parquet") {
		if found >= want { // every rule has its samples
			break
		}
		f, err := shard.OpenParquet(name)
		if err != nil {
			return nil, err
		}
		for row, err := range f.Records(0, len(f.RowGroups()), []string{"text", "path", "title", "rule", "value", "limit", "error"}) {
			if err != nil {
				f.Close()
				return nil, err
			}
			rule := text(row["rule"])
			k, seen := at[rule]
			if !seen {
				k = len(rules)
				at[rule] = k
				rules = append(rules, droppedRule{Rule: rule, N: all[rule]})
			}
			if len(rules[k].Samples) >= droppedShown {
				continue
			}
			found++
			where := text(row["path"])
			if title := text(row["title"]); title != "" {
				where = strings.TrimPrefix(where+" · "+title, " · ")
			}
			rules[k].Samples = append(rules[k].Samples, droppedRow{
				Where: where, Text: excerpt(text(row["text"]), droppedRunes), Value: text(row["value"]), Limit: text(row["limit"]), Note: text(row["error"]),
			})
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(rules, func(a, b droppedRule) int { return cmp.Compare(a.Rule, b.Rule) })
	return rules, nil
}

// text prints a value of a row; nothing for null.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return number(f)
		}
	}
	return fmt.Sprint(v)
}

// excerpt is the beginning of a text, on one line.
func excerpt(s string, limit int) string {
	r := []rune(strings.Join(strings.Fields(s[:min(len(s), 8*limit)]), " "))
	if len(r) <= limit && len(s) <= 8*limit {
		return string(r)
	}
	return strings.ToValidUTF8(string(r[:min(len(r), limit)]), "") + "…"
}
