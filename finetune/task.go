package finetune

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ardanlabs/jinja"
	"go.yaml.in/yaml/v4"

	"fragua/finetune/examples"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A Task is multiple choice in the layout of lm-evaluation-harness, with its rows in local files:
//
//	task: seasons
//	dataset_path: json                        # or parquet
//	dataset_kwargs: {data_files: {test: seasons.jsonl, train: shots.jsonl}}
//	test_split: test
//	output_type: multiple_choice
//	doc_to_text: "Question: {{question}}\nAnswer:"
//	doc_to_choice: "{{choices}}"              # a column, a template of a list, or a list
//	doc_to_target: label                      # a column or a template: the number of the choice, or its text
//
// Texts are columns, or Jinja templates of a row. What the layout has besides is honoured, known to
// change nothing, or refused by name.
type Task struct {
	Name        string
	Description string // before all
	Shots       int    // num_fewshot
	Test        []Doc
	Examples    []Doc // of which the first are shots

	targetDelimiter, shotDelimiter string
}

// A Doc is a row of a task.
type Doc struct {
	Text    string
	Choices []string
	Target  int // which choice is right
}

// taskFile is the layout as it is written.
type taskFile struct {
	Task            string         `yaml:"task"`
	DatasetPath     string         `yaml:"dataset_path"`
	DatasetName     any            `yaml:"dataset_name"`
	DatasetKwargs   map[string]any `yaml:"dataset_kwargs"`
	TrainingSplit   string         `yaml:"training_split"`
	ValidationSplit string         `yaml:"validation_split"`
	TestSplit       string         `yaml:"test_split"`
	FewshotSplit    string         `yaml:"fewshot_split"`
	OutputType      string         `yaml:"output_type"`
	Text            string         `yaml:"doc_to_text"`
	Choice          any            `yaml:"doc_to_choice"`
	Target          any            `yaml:"doc_to_target"`
	Description     string         `yaml:"description"`
	TargetDelimiter *string        `yaml:"target_delimiter"`
	ShotDelimiter   *string        `yaml:"fewshot_delimiter"`
	Shots           int            `yaml:"num_fewshot"`
}

// honoured are the keys of taskFile; harmless change no figure that is given here.
var (
	honoured = []string{"task", "dataset_path", "dataset_name", "dataset_kwargs", "training_split", "validation_split", "test_split", "fewshot_split", "output_type",
		"doc_to_text", "doc_to_choice", "doc_to_target", "description", "target_delimiter", "fewshot_delimiter", "num_fewshot"}
	harmless = []string{"tag", "group", "metadata", "metric_list", "should_decontaminate", "doc_to_decontamination_query", "repeats", "task_alias", "fewshot_config"}
)

// OpenTask reads a task and its rows.
func OpenTask(name string) (*Task, error) {
	b, err := store.ReadFile(name)
	if err != nil {
		return nil, err
	}
	failed := func(err error) error { return &fault.RowError{File: name, Row: -1, Err: err} }
	var keys map[string]any
	if err := yaml.Load(b, &keys); err != nil {
		return nil, failed(err)
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(honoured, k) && !slices.Contains(harmless, k) {
			return nil, failed(fault.Hintf(fmt.Errorf("%s is not supported", k), "known are %s", strings.Join(honoured, ", ")))
		}
	}
	var f taskFile
	if err := yaml.Load(b, &f); err != nil {
		return nil, failed(err)
	}
	t, err := f.open(filepath.Dir(name))
	if err != nil {
		return nil, failed(err)
	}
	if t.Name == "" {
		t.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	}
	return t, nil
}

func (f *taskFile) open(dir string) (*Task, error) {
	if f.OutputType != "multiple_choice" {
		return nil, fault.Hintf(fmt.Errorf("output_type is %q", f.OutputType), "multiple_choice is what can be scored")
	}
	files, err := f.files(dir)
	if err != nil {
		return nil, err
	}
	t := &Task{Name: f.Task, Description: f.Description, Shots: f.Shots, targetDelimiter: " ", shotDelimiter: "\n\n"}
	for from, to := range map[*string]*string{f.TargetDelimiter: &t.targetDelimiter, f.ShotDelimiter: &t.shotDelimiter} {
		if from != nil {
			*to = *from
		}
	}
	first := func(splits ...string) string {
		for _, s := range splits {
			if s != "" {
				return s
			}
		}
		return ""
	}
	if t.Test, err = f.docs(files, first(f.TestSplit, f.ValidationSplit)); err != nil {
		return nil, err
	}
	if split := first(f.FewshotSplit, f.TrainingSplit, f.ValidationSplit); split != "" && split != first(f.TestSplit, f.ValidationSplit) {
		t.Examples, err = f.docs(files, split)
	}
	return t, err
}

// files are the local files of each split.
func (f *taskFile) files(dir string) (map[string][]string, error) {
	if f.DatasetPath != "json" && f.DatasetPath != "parquet" {
		return nil, fault.Hintf(fmt.Errorf("dataset_path is %q", f.DatasetPath), "json or parquet, with dataset_kwargs: {data_files: {test: FILE}}: rows are read from local files")
	}
	for k := range f.DatasetKwargs {
		if k != "data_files" {
			return nil, fmt.Errorf("dataset_kwargs: %s is not supported", k)
		}
	}
	list := func(v any) (names []string, err error) {
		switch v := v.(type) {
		case string:
			names = []string{v}
		case []any:
			for _, e := range v {
				s, ok := e.(string)
				if !ok {
					return nil, errors.New("data_files holds something that is no name")
				}
				names = append(names, s)
			}
		default:
			return nil, errors.New("data_files names no files")
		}
		for i, n := range names {
			if !filepath.IsAbs(n) {
				names[i] = filepath.Join(dir, n)
			}
		}
		return names, nil
	}
	out := map[string][]string{}
	splits, ok := f.DatasetKwargs["data_files"].(map[string]any)
	if !ok { // datasets calls files without a split train
		splits = map[string]any{"train": f.DatasetKwargs["data_files"]}
	}
	for split, v := range splits {
		names, err := list(v)
		if err != nil {
			return nil, err
		}
		out[split] = names
	}
	return out, nil
}

// docs reads the rows of a split.
func (f *taskFile) docs(files map[string][]string, split string) (docs []Doc, err error) {
	if len(files[split]) == 0 {
		return nil, fault.Hintf(fmt.Errorf("split %q has no file", split), "data_files has %s; test_split or validation_split names what is scored", strings.Join(slices.Sorted(maps.Keys(files)), ", "))
	}
	for _, name := range files[split] {
		n := int64(0)
		for row, err := range examples.Objects(name) {
			if err != nil {
				return nil, err
			}
			d, err := f.doc(row)
			if err != nil {
				return nil, &fault.RowError{File: name, Row: n, Err: err}
			}
			docs = append(docs, d)
			n++
		}
	}
	return docs, nil
}

func (f *taskFile) doc(row map[string]any) (d Doc, err error) {
	if d.Text, err = written(f.Text, row); err != nil {
		return d, fmt.Errorf("doc_to_text: %w", err)
	}
	switch c := f.Choice.(type) {
	case []any:
		d.Choices, err = texts(c)
	case string:
		if v, ok := row[c].([]any); ok {
			d.Choices, err = texts(v)
			break
		}
		var list string
		if list, err = written(c, row); err == nil {
			var v []any
			if yaml.Load([]byte(list), &v) != nil { // a list of Python's is one of YAML's, too
				err = fmt.Errorf("%.60q is no list", list)
			} else {
				d.Choices, err = texts(v)
			}
		}
	default:
		err = errors.New("is missing")
	}
	if err != nil {
		return d, fmt.Errorf("doc_to_choice: %w", err)
	}
	if len(d.Choices) < 2 {
		return d, fmt.Errorf("doc_to_choice: %d choices", len(d.Choices))
	}
	target := fmt.Sprint(f.Target)
	if s, ok := f.Target.(string); ok {
		if target, err = written(s, row); err != nil {
			return d, fmt.Errorf("doc_to_target: %w", err)
		}
	}
	if d.Target = slices.Index(d.Choices, target); d.Target >= 0 {
		return d, nil
	}
	if d.Target, err = strconv.Atoi(strings.TrimSpace(target)); err != nil || d.Target < 0 || d.Target >= len(d.Choices) {
		return d, fmt.Errorf("doc_to_target: %q is neither one of the choices nor the number of one, counted from 0", target)
	}
	return d, nil
}

func texts(list []any) (out []string, err error) {
	for _, v := range list {
		switch v.(type) {
		case map[string]any, []any, nil:
			return nil, errors.New("holds more than texts and numbers")
		}
		out = append(out, fmt.Sprint(v))
	}
	return out, nil
}

// written is a column's value, or a template of the row.
func written(source string, row map[string]any) (text string, err error) {
	if v, ok := row[source]; ok {
		return fmt.Sprint(v), nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the template cannot be evaluated: %v", r)
		}
	}()
	if !strings.Contains(source, "{") {
		return "", fmt.Errorf("no column %q; the row has %s", source, fault.Listed(slices.Sorted(maps.Keys(row))))
	}
	// The harness keeps the line end after a block, which chat templates drop.
	t, err := jinja.Compile(strings.ReplaceAll(source, "%}\n", "%}{{ '\\n' }}"))
	if err != nil {
		return "", err
	}
	return t.Render(row)
}
