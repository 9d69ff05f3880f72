package examples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/corpus"
	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
	"fragua/tokenize/chat"
)

// Label is the stage that makes examples of raw tables, texts by class, and
// parallel text. It runs in two phases: `read` checks each row alone; `split`
// sees all rows together, drops duplicates and leaks, and splits.
// The second holds some 200 bytes a row in memory, never the texts.
type Label struct {
	Data      []Data `yaml:"data" doc:"Where the rows are: tables, a file or a folder for each class, files side by side, a grammar, or conversations (chats)."`
	Text      string `yaml:"text" doc:"Column of the text; a number, counted from 1, where the table has no header."`
	Label     string `yaml:"label" doc:"Column of its class."`
	Separator string `yaml:"separator" doc:"What separates several labels in one cell; empty: a cell is one label."`
	Source    string `yaml:"source" doc:"Column of the sentence to translate."`
	Target    string `yaml:"target" doc:"Column of its translation."`

	Labels map[string][]string `yaml:"labels" doc:"Class to the values that mean it; left out: the values are the classes. A value in no class fails its row."`
	Drop   []string            `yaml:"drop" doc:"Values whose rows are left out on purpose."`

	Numbers bool `yaml:"numbers" doc:"Labels are numbers to be estimated (goal regression), not classes: what is no number fails its row, and the split does not look at them."`

	Unlabelled Unlabelled `yaml:"unlabelled" doc:"What becomes of rows whose label is empty or null: fail, each counts as a failure; drop, they are left out and counted; none, they have none of the labels (goal labels); keep, they lie in unlabelled-00000.parquet, where pack finds them for a language model."`

	Split SplitBy `yaml:"split" doc:"How examples are split into train, validation and test."`
	Pairs Pairs   `yaml:"pairs" doc:"Which pairs of sentences are good enough."`
}

// NewLabel returns the stage with its defaults: a tenth each for validation
// and test, stratified; pairs as Moses cleans them.
func NewLabel() *Label {
	return &Label{
		Unlabelled: UnlabelledFail,
		Split:      SplitBy{Validation: 0.1, Test: 0.1, Stratify: true},
		Pairs:      Pairs{MinWords: 1, MaxWords: 100, MaxRatio: 9},
	}
}

// Unlabelled is what becomes of rows without a label.
type Unlabelled string

// The choices.
const (
	UnlabelledFail Unlabelled = "fail"
	UnlabelledDrop Unlabelled = "drop"
	UnlabelledNone Unlabelled = "none"
	UnlabelledKeep Unlabelled = "keep"
)

// Values lists the choices.
func (Unlabelled) Values() []string {
	return []string{string(UnlabelledFail), string(UnlabelledDrop), string(UnlabelledNone), string(UnlabelledKeep)}
}

// Version is raised when the same settings and files give other bytes.
func (l *Label) Version() int { return 5 }

// Inputs is none: the stage reads raw files.
func (l *Label) Inputs() []pipeline.Input { return nil }

// Makes examples.
func (l *Label) Makes() pipeline.Kind { return pipeline.Examples }

// Phases are read, file by file, and split.
func (l *Label) Phases() []pipeline.Phase {
	return []pipeline.Phase{
		{Name: "read", Tasks: l.readTasks, Do: l.read},
		{Name: "split", Tasks: pipeline.Single("split"), Do: l.split},
	}
}

// columns is where rows of tables have what.
func (l *Label) columns() columns {
	c := columns{text: l.Text, label: l.Label, group: l.Split.GroupBy, separator: l.Separator}
	if l.Source != "" {
		c.text, c.target = l.Source, l.Target
	}
	return c
}

// Check finds settings that do not fit together.
func (l *Label) Check() []fault.Fault {
	var faults []fault.Fault
	add := func(path, hint, format string, args ...any) {
		faults = append(faults, fault.Fault{Path: path, Err: fmt.Sprintf(format, args...), Hint: hint})
	}
	if len(l.Data) == 0 {
		add("data", `for instance data: [{table: {path: reviews.csv}}]`, "no data to read")
	}
	if (l.Source == "") != (l.Target == "") {
		add("source", "pairs need both", "source and target go together")
	}
	if l.Source != "" && (l.Text != "" || l.Label != "") {
		add("text", "set text and label for classes, or source and target for pairs", "rows are either labelled texts or pairs")
	}
	pairs, classes, chats := false, false, false
	for i, d := range l.Data {
		path := fmt.Sprintf("data[%d].%s", i, d.name)
		if d.rows == nil {
			add(fmt.Sprintf("data[%d]", i), "one of table, classes, folders, lines, grammar, phrases, tmx, po, chats", "does not say how it is laid out")
			continue
		}
		for _, f := range d.rows.check(l.columns()) {
			f.Path = strings.TrimSuffix(path+"."+f.Path, ".")
			faults = append(faults, f)
		}
		switch d.rows.(type) {
		case *Lines, *Synthetic, *Phrases, *TMX, *PO:
			pairs = true
		case *Classes, *Folders:
			classes = true
		case *Chats:
			chats = true
		}
	}
	if l.Numbers && (pairs || chats || l.Separator != "") {
		add("numbers", "leave numbers out", "numbers are the labels of texts, one each")
	}
	if pairs && classes || pairs && l.Label != "" || classes && l.Source != "" {
		add("data", "make one stage of each", "labelled texts and pairs do not go into one set")
	}
	for i, d := range l.Data {
		if d.rows == nil {
			continue
		}
		for _, f := range d.rows.given().faults(pairs || l.Source != "") {
			f.Path = fmt.Sprintf("data[%d].%s.%s", i, d.name, f.Path)
			faults = append(faults, f)
		}
	}
	if chats && (pairs || classes || l.Text != "" || l.Source != "") {
		add("data", "make one stage of each, and leave out text, label, source and target", "conversations do not go into one set with labelled texts or pairs")
	}
	faults = append(faults, l.Pairs.faults()...)
	means := map[string]string{}
	for _, class := range slices.Sorted(maps.Keys(l.Labels)) {
		if len(l.Labels[class]) == 0 {
			add("labels."+class, "name the values that mean it", "the class has no values")
		}
		for _, v := range l.Labels[class] {
			v = canonical(v)
			if other, ok := means[v]; ok {
				add("labels."+class, "each value belongs to one class", "value %q means %q already", v, other)
			}
			means[v] = class
		}
	}
	for _, v := range l.Drop {
		if class, ok := means[canonical(v)]; ok {
			add("drop", "", "value %q is dropped and means %q", v, class)
		}
	}
	for path, share := range map[string]float64{"split.validation": l.Split.Validation, "split.test": l.Split.Test} {
		if share < 0 || share >= 1 {
			add(path, "a tenth is 0.1", "a share lies between 0 and 1, not %v", share)
		}
	}
	if l.Split.Validation+l.Split.Test >= 1 {
		add("split", "a tenth each is usual", "validation and test take everything: nothing is left to learn from")
	}
	sort.Slice(faults, func(i, j int) bool { return faults[i].Path < faults[j].Path })
	return faults
}

// Reads lists the raw files, whose content is part of the stage's key. Sources
// without files are reported all at once.
func (l *Label) Reads() ([]pipeline.RawFile, error) {
	var all []pipeline.RawFile
	var missing []error
	for i, d := range l.Data {
		files, err := d.rows.files()
		if err != nil {
			missing = append(missing, &fault.Fault{Path: fmt.Sprintf("data[%d].%s", i, d.name), Err: err.Error(), Hint: hintOf(err)})
			continue
		}
		for _, f := range files {
			all = append(all, pipeline.RawFile{Name: l.fileName(i, f.name), Path: f.path})
			if f.other != "" {
				all = append(all, pipeline.RawFile{Name: l.fileName(i, f.name) + " (target)", Path: f.other})
			}
		}
	}
	return all, errors.Join(missing...)
}

func hintOf(err error) string {
	var h *fault.Hint
	if errors.As(err, &h) {
		return h.Fix
	}
	return ""
}

// fileName is a file's name in keys, ids and rejects.
func (l *Label) fileName(data int, name string) string {
	if len(l.Data) == 1 {
		return name
	}
	return strconv.Itoa(data) + "/" + name
}

// A labelPart is a run of files of one source.
type labelPart struct{ Data, First, Files int }

// textsPerPart is how many files of one text each go into a task.
const textsPerPart = 1000

func (l *Label) readTasks(_ context.Context, env *pipeline.Env) ([]pipeline.Task, error) {
	var tasks []pipeline.Task
	for i := range l.Data {
		files, err := l.Data[i].rows.files()
		if err != nil {
			return nil, err
		}
		for first := 0; first < len(files); {
			n := 1
			if files[first].whole {
				n = min(textsPerPart, len(files)-first)
			}
			t, err := pipeline.NewTask(fmt.Sprintf("read-%05d", len(tasks)), labelPart{i, first, n})
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, t)
			first += n
		}
	}
	return tasks, nil
}

// A labelled row is an example on its way from one phase to the next.
type labelled struct {
	ID       string         `parquet:"id"`
	Text     string         `parquet:"text,zstd"`
	Target   string         `parquet:"target,zstd"`
	Labels   []string       `parquet:"labels,list"`
	Messages []chat.Message `parquet:"messages,list"`
	Group    string         `parquet:"group"`
	Split    string         `parquet:"split,dict"` // as the data come, or empty
	Weight   float64        `parquet:"weight"`
	Tag      string         `parquet:"tag,dict"`
	Path     string         `parquet:"path,dict"`
	Offset   int64          `parquet:"offset"`
}

func (r labelled) reject(rule, value string) Reject {
	return Reject{ID: r.ID, Text: r.Text, Target: r.Target, Labels: r.Labels, Path: r.Path, Offset: r.Offset,
		Stage: "label", Rule: rule, Value: value}
}

// read checks the rows of a task's files one by one.
func (l *Label) read(ctx context.Context, env *pipeline.Env, task pipeline.Task) (counts pipeline.Counts, err error) {
	var part labelPart
	if err := json.Unmarshal(task.Part, &part); err != nil {
		return counts, err
	}
	data := l.Data[part.Data].rows
	given := data.given()
	files, err := data.files()
	if err != nil {
		return counts, err
	}
	kept, err := shard.Create[labelled](shardPath(env, "kept.parquet"))
	if err != nil {
		return counts, err
	}
	defer kept.Abort()
	rejects, err := shard.Create[Reject](shardPath(env, "rejects.parquet"))
	if err != nil {
		return counts, err
	}
	defer rejects.Abort()
	dict := l.dictionary()
	for _, f := range files[part.First : part.First+part.Files] {
		name := l.fileName(part.Data, f.name)
		var read int64
		for rec, err := range data.read(f, l.columns()) {
			if err != nil {
				return counts, err
			}
			if err := ctx.Err(); err != nil {
				return counts, err
			}
			counts.Read++
			read++
			row := labelled{ID: rowID(part.Data, f.name, rec.row), Text: Tidy(rec.text), Target: Tidy(rec.target), Labels: rec.labels, Messages: rec.messages,
				Group: rec.group, Split: string(given.Split), Weight: given.Weight, Tag: given.Tag, Path: name, Offset: rec.row}
			v := l.check(&row, rec.err, dict)
			if v == (verdict{}) && rec.drop != "" {
				v.rule = rec.drop
			}
			switch {
			case v.failed != nil:
				counts.Failed++
			case v.rule != "":
				counts.Drop(v.rule)
			default:
				counts.Kept++
				counts.Sum("bytes", int64(len(row.Text)+len(row.Target)))
				if err := kept.Write(row); err != nil {
					return counts, err
				}
			}
			if v != (verdict{}) {
				r := row.reject(v.rule, v.value)
				r.Limit = v.limit
				if v.failed != nil {
					r.Rule, r.Error = corpus.RuleError, v.failed.Error()
				}
				r.Text, r.Target = strings.ToValidUTF8(r.Text, "\uFFFD"), strings.ToValidUTF8(r.Target, "\uFFFD")
				if err := rejects.Write(r); err != nil {
					return counts, err
				}
			}
			if env.Limit > 0 && read >= env.Limit {
				break
			}
		}
		env.Progress.Advance(read)
	}
	for _, finish := range []func() (shard.File, error){kept.Close, rejects.Close} {
		s, err := finish()
		if err != nil {
			return counts, err
		}
		counts.Shards = append(counts.Shards, s)
	}
	return counts, nil
}
