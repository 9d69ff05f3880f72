package finetune

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model"
	"fragua/tokenize"
)

const seasons = `task: seasons
dataset_path: json
dataset_kwargs: {data_files: {test: test.jsonl, train: [train.jsonl]}}
training_split: train
test_split: test
output_type: multiple_choice
description: "Answer.\n\n"
doc_to_text: "Question: {{question}}{% if hint %}\nHint: {{ hint }}{% endif %}\nAnswer:"
doc_to_choice: choices
doc_to_target: label
metric_list: [{metric: acc}, {metric: acc_norm}]
`

func writeTask(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"task.yaml": yaml,
		"test.jsonl": `{"question": "When does it snow?", "choices": ["In winter", "In summer"], "label": 0, "word": "In winter"}
{"question": "When is it hot?", "hint": "beach", "choices": ["In winter", "In summer"], "label": 1, "word": "In summer"}
`,
		"train.jsonl": `{"question": "When do leaves fall?", "choices": ["In autumn", "In spring"], "label": 0, "word": "In autumn"}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "task.yaml")
}

func TestTask(t *testing.T) {
	for name, change := range map[string]*strings.Replacer{
		"columns":   strings.NewReplacer(),
		"templates": strings.NewReplacer("doc_to_choice: choices", `doc_to_choice: "{{choices}}"`, "doc_to_target: label", `doc_to_target: "{{word}}"`),
		"listed":    strings.NewReplacer("doc_to_choice: choices", `doc_to_choice: "{{[choices[0], choices[1]]}}"`),
	} {
		task, err := OpenTask(writeTask(t, change.Replace(seasons)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := task.Test[1]; len(task.Test) != 2 || d.Text != "Question: When is it hot?\nHint: beach\nAnswer:" || !slices.Equal(d.Choices, []string{"In winter", "In summer"}) || d.Target != 1 || task.Name != "seasons" {
			t.Errorf("%s: %+v", name, task)
		}
		if before, err := task.before(1); err != nil || before != "Answer.\n\nQuestion: When do leaves fall?\nAnswer: In autumn\n\n" {
			t.Errorf("%s: %q %v", name, before, err)
		}
		if _, err := task.before(2); err == nil {
			t.Errorf("%s: two shots of one example", name)
		}
	}
}

func TestTaskRefuses(t *testing.T) {
	for want, change := range map[string][2]string{
		"process_docs is not supported":  {"task: seasons", "process_docs: !function utils.f"},
		`output_type is "generate_until`: {"multiple_choice", "generate_until"},
		`dataset_path is "hellaswag"`:    {"dataset_path: json", "dataset_path: hellaswag"},
		`split "validation" has no file`: {"test_split: test", "test_split: validation"},
		`no column "nosuch"`:             {"doc_to_target: label", "doc_to_target: nosuch"},
		"is neither one of the choices":  {"doc_to_target: label", `doc_to_target: "{{question}}"`},
		"doc_to_choice: is missing":      {"doc_to_choice: choices\n", ""},
		"row 0: doc_to_choice":           {"doc_to_choice: choices", `doc_to_choice: "{{question}}"`},
	} {
		if _, err := OpenTask(writeTask(t, strings.Replace(seasons, change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestTaskScore: the figures are those of the likelihoods, which TestLikelihoods holds.
func TestTaskScore(t *testing.T) {
	task, err := OpenTask(writeTask(t, seasons))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.Parse(byteTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	lm, err := (&model.GPT{Layers: 1, Heads: 2, Width: 16}).Build(260, 128, 1)
	if err != nil {
		t.Fatal(err)
	}
	one, err := task.Score(context.Background(), lm, tok, 1, 0)
	if err != nil || one.N != 2 || one.Cut != 0 {
		t.Fatalf("%+v %v", one, err)
	}
	for i := range task.Test { // what is right is what is answered, turned round
		task.Test[i].Target = 1 - task.Test[i].Target
	}
	other, err := task.Score(context.Background(), lm, tok, 1, 0)
	if err != nil || one.Right+other.Right != 2 || one.RightNorm+other.RightNorm != 2 {
		t.Errorf("%+v, turned round %+v; %v", one, other, err)
	}
	if f := one.Figures(); f[0].Name != "acc" || f[1].Name != "acc_norm" || f[0].PlusMinus <= 0 {
		t.Errorf("%+v", f)
	}
}
