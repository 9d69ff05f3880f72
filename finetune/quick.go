package finetune

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// Quick is a fine-tuning told by flags instead of a configuration. Its zero
// fields are decided by what the others say, and by the stages' defaults.
type Quick struct {
	Model    string // a pretrained model's directory, or a run that holds one; empty: n-grams alone
	Data     string // a table; a file of conversations; or a folder with a folder for each class
	Text     string // column of the text
	Label    string // column of its class: the goal is sentiment
	Number   string // column of its number: the goal is regression
	Source   string // column of the sentence
	Target   string // column of its translation: the goal is translation
	TooLong  string // error, drop, keep_start, keep_end or keep_ends
	Strategy string // what answers: best, finetuned, frozen, ngrams, finetuned+ngrams, frozen+ngrams or prompted
	Epochs   int
	LR       float64
	Batch    int
	Seed     uint64
}

// Config returns the configuration that the flags amount to, with stages
// `examples` and `tuned`, and what was decided, a sentence each. Relative paths
// stay as they are: they resolve against the folder that the configuration is
// parsed with. What is missing or contradicts itself is a *fault.UsageError.
func (q Quick) Config() (config []byte, decided []string, err error) {
	say := func(format string, args ...any) { decided = append(decided, fmt.Sprintf(format, args...)) }
	if q.Data == "" {
		return nil, nil, usage("give data", "fragua finetune --model DIR --data reviews.csv --text review --label stars")
	}
	from := "{examples: examples}"
	if q.Model != "" {
		dir, err := findModel(q.Model)
		if err != nil {
			return nil, nil, err
		}
		if dir != q.Model {
			say("model: %s, the one in %s", dir, q.Model)
		}
		from = fmt.Sprintf("{model: {path: %s}, examples: examples}", quote(dir))
	}
	info, err := store.Stat(q.Data)
	if err != nil {
		return nil, nil, &fault.UsageError{Err: err}
	}
	goal, layout, columns := "", "table", ""
	switch {
	case q.Label != "" && q.Number != "":
		return nil, nil, usage("label is for classes, number for numbers", "give one of them")
	case (q.Label != "" || q.Number != "" || q.Text != "") && (q.Source != "" || q.Target != ""):
		return nil, nil, usage("text and label are for sentiment, source and target for translation", "give one pair of them")
	case q.Model == "" && (q.Source != "" || q.Target != ""):
		return nil, nil, usage("translation needs a pretrained model", "--model DIR")
	case q.Source != "" && q.Target != "":
		goal = "translation"
		columns = fmt.Sprintf("\n      source: %s\n      target: %s", quote(q.Source), quote(q.Target))
		say("goal: translation, from column %s to column %s", q.Source, q.Target)
	case q.Text != "" && q.Label != "":
		goal = "sentiment"
		columns = fmt.Sprintf("\n      text: %s\n      label: %s", quote(q.Text), quote(q.Label))
		say("goal: sentiment, which names the %s of a %s", q.Label, q.Text)
	case q.Text != "" && q.Number != "":
		if q.Model == "" {
			return nil, nil, usage("regression needs a pretrained model", "--model DIR")
		}
		goal = regressionGoal
		columns = fmt.Sprintf("\n      text: %s\n      label: %s\n      numbers: true", quote(q.Text), quote(q.Number))
		say("goal: regression, which estimates the %s of a %s", q.Number, q.Text)
	case info.Dir && q.Text+q.Number+q.Label+q.Source+q.Target == "":
		goal, layout = "sentiment", "folders"
		say("goal: sentiment; every folder in %s is a class, every file in it a text", q.Data)
	case !info.Dir && q.Text+q.Number+q.Label+q.Source+q.Target == "" && examples.HoldsChats(q.Data):
		if q.Model == "" {
			return nil, nil, usage("to learn from conversations needs a pretrained model", "--model DIR")
		}
		goal, layout = "instruction", "chats"
		say("goal: instruction; the answers in the conversations of %s are learned", q.Data)
	default:
		return nil, nil, usage("say which columns hold what", "--text COLUMN --label COLUMN for sentiment, --text COLUMN --number COLUMN for regression, --source COLUMN --target COLUMN for translation; conversations need none")
	}
	if layout == "table" && !info.Dir {
		if err := q.columnsExist(); err != nil {
			return nil, nil, err
		}
	}
	long := q.TooLong
	if long == "" {
		long = map[string]string{"sentiment": string(KeepEnds), regressionGoal: string(KeepEnds), "translation": string(LongDrop), "instruction": string(LongDrop)}[goal]
		what := map[string]string{"sentiment": "texts longer than the context lose their middle", regressionGoal: "texts longer than the context lose their middle", "translation": "pairs longer than the context are left out, and counted", "instruction": "conversations longer than the context are left out, and counted"}[goal]
		say("too_long: %s: %s", long, what)
	}
	tune := ""
	if q.Strategy != "" {
		tune += "\n      strategy: " + quote(q.Strategy)
	}
	switch {
	case q.Model == "":
		say("model: none, so n-grams answer")
	case goal == "sentiment" && q.Strategy == "":
		say("strategy: best: the fine-tuned network, its pretrained features or n-grams, alone or together: what has the least log loss on validation")
	}
	if q.Epochs > 0 {
		tune += fmt.Sprintf("\n      epochs: %d", q.Epochs)
	}
	if q.LR > 0 {
		tune += fmt.Sprintf("\n      lr: %g", q.LR)
	}
	if q.Batch > 0 {
		tune += fmt.Sprintf("\n      batch: %d", q.Batch)
	}
	say("split: a tenth of the rows for validation and a tenth for test")
	yaml := fmt.Sprintf(`description: Made from flags of fragua finetune.
seed: %d
stages:
  - name: examples
    use: label
    with:
      data: [{%s: {path: %s}}]%s
  - name: tuned
    use: finetune
    from: %s
    with:
      goal: {%s: {too_long: %s}}%s
`, q.Seed, layout, quote(q.Data), columns, from, goal, long, tune)
	return []byte(yaml), decided, nil
}

// columnsExist reads the table's first row, so that a misspelt column is reported
// before anything runs.
func (q Quick) columnsExist() error {
	text := q.Text
	if q.Source != "" {
		text = q.Source
	}
	if err := examples.CheckColumns(q.Data, text, q.Label+q.Number, q.Target); err != nil {
		return &fault.UsageError{Err: err}
	}
	return nil
}

// findModel takes a model's directory, or the run that it lies in.
func findModel(dir string) (string, error) {
	m, err := pipeline.ReadManifest(dir)
	if err == nil {
		if m.Kind != pipeline.Model {
			return "", usage(fmt.Sprintf("%s holds %s, not a model", dir, m.Kind), "give the directory of a pretrain stage")
		}
		return dir, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if info, err := os.Stat(filepath.Join(dir, model.ConfigFile)); err == nil && info.Mode().IsRegular() {
		return dir, nil // a model that no stage of ours made
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", &fault.UsageError{Err: err}
	}
	var found []string
	for _, e := range entries {
		inner := filepath.Join(dir, e.Name())
		if m, err := pipeline.ReadManifest(inner); err == nil && m.Kind == pipeline.Model && m.Use == "pretrain" {
			found = append(found, inner)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", usage(dir+" holds no finished model", "give the directory of a pretrain stage, such as runs/quickstart/base, or of a checkpoint with its config.json")
	}
	return "", usage(fmt.Sprintf("%s holds several models", dir), "give one of "+strings.Join(found, ", "))
}

func usage(what, hint string) error {
	return &fault.UsageError{Err: fault.Hintf(errors.New(what), "%s", hint)}
}

// quote writes a text as YAML reads it whatever it holds.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}
