package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// An Artifact is what a path turned out to be.
type Artifact struct {
	Path    string   `json:"path"`
	Is      string   `json:"is"`
	Facts   []Fact   `json:"facts"`
	Tables  []Table  `json:"tables,omitempty"`
	Samples []Sample `json:"samples,omitempty"`
}

// A Fact is a name and a string, number or boolean.
type Fact struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// A Table has one name a column, and rows of strings, numbers and booleans.
type Table struct {
	Title   string   `json:"title"`
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

// A Sample is one row of a file, or something else to look at.
type Sample struct {
	Title  string `json:"title"`
	Fields []Fact `json:"fields"`
}

// Options say how much is shown.
type Options struct {
	Rows int // samples; 0: three
}

// kinds is THE table of what can be inspected; the first whose test holds opens
// the path.
var kinds = []struct {
	is   string
	test func(path string, dir bool) bool
	open func(path string, o Options, a *Artifact) error
}{
	{"run", holds(pipeline.InfoName), openRun},
	{"stage", holds(pipeline.ManifestName), openStage},
	{"model", holds("model.safetensors"), openModel},
	{"Parquet shard", ends(".parquet"), openParquet},
	{"blocks", ends(".arrow"), openBlocks},
	{"safetensors", ends(".safetensors"), openSafetensors},
	{"tokenizer", ends("tokenizer.json"), openTokenizer},
	{"metrics", ends(pipeline.MetricsName), openMetrics},
}

func holds(name string) func(string, bool) bool {
	return func(path string, dir bool) bool {
		if !dir {
			return false
		}
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
}

func ends(suffix string) func(string, bool) bool {
	return func(path string, dir bool) bool { return !dir && strings.HasSuffix(path, suffix) }
}

// Open inspects a file or folder.
func Open(path string, o Options) (a *Artifact, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if o.Rows == 0 {
		o.Rows = 3
	}
	for _, k := range kinds {
		if !k.test(path, st.IsDir()) {
			continue
		}
		a = &Artifact{Path: path, Is: k.is}
		// The Parquet and Arrow libraries panic on some damaged files.
		defer func() {
			if r := recover(); r != nil {
				a, err = nil, &fault.RowError{File: path, Row: -1, Err: fmt.Errorf("damaged: %v", r)}
			}
		}()
		if err := k.open(path, o, a); err != nil {
			var placed *fault.RowError
			if !strings.Contains(err.Error(), path) && !errors.As(err, &placed) {
				err = &fault.RowError{File: path, Row: -1, Err: err}
			}
			return nil, err
		}
		return a, nil
	}
	return nil, fault.Hintf(fmt.Errorf("%s: nothing that fragua makes", path),
		"name a .parquet, .arrow or .safetensors file, a tokenizer.json, or the folder of a model, a stage or a run")
}

func (a *Artifact) fact(name string, value any) { a.Facts = append(a.Facts, Fact{name, value}) }

// JSON writes the artifact for programs.
func (a *Artifact) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(a)
}

// Text writes the artifact for people.
func (a *Artifact) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", a.Path, a.Is)
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range a.Facts {
		fmt.Fprintf(tw, "  %s\t%s\n", f.Name, show(f.Value, 200))
	}
	tw.Flush()
	for _, t := range a.Tables {
		fmt.Fprintf(&b, "\n%s\n", t.Title)
		writeTable(&b, t)
	}
	for _, s := range a.Samples {
		fmt.Fprintf(&b, "\n%s\n", s.Title)
		tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, f := range s.Fields {
			fmt.Fprintf(tw, "  %s\t%s\n", f.Name, show(f.Value, 160))
		}
		tw.Flush()
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTable sets numbers to the right.
func writeTable(b *strings.Builder, t Table) {
	width := make([]int, len(t.Columns))
	right := make([]bool, len(t.Columns))
	for i, c := range t.Columns {
		width[i] = utf8.RuneCountInString(c)
	}
	cells := make([][]string, len(t.Rows))
	for r, row := range t.Rows {
		for i, v := range row {
			s := show(v, 60)
			cells[r] = append(cells[r], s)
			width[i] = max(width[i], utf8.RuneCountInString(s))
			switch v.(type) {
			case int, int64, float64:
				right[i] = true
			}
		}
	}
	line := func(row []string) {
		s := " "
		for i, c := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if right[i] {
				s += " " + pad + c + " "
			} else {
				s += " " + c + pad + " "
			}
		}
		b.WriteString(strings.TrimRight(s, " ") + "\n")
	}
	line(t.Columns)
	for _, row := range cells {
		line(row)
	}
}

// show prints a value on one line of at most so many characters.
func show(v any, limit int) string {
	var s string
	switch v := v.(type) {
	case float64:
		if s = strconv.FormatFloat(v, 'g', 5, 64); v == float64(int64(v)) {
			s = grouped(int64(v))
		}
	case int64:
		s = grouped(v)
	case int:
		s = grouped(int64(v))
	default:
		s = fmt.Sprint(v)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			return '·' // no terminal is steered from inside a file
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit-1]) + "…"
	}
	return s
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
