package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fragua/configs"
	"fragua/pipeline"
)

// The table begins with the best, and the plot is an image that has a line for each model.
func TestQualityReport(t *testing.T) {
	lines := []resultLine{
		{name: "recipe", bits: 1.8, plusMinus: .01, parameters: 5e6, seen: 1e6, cpu: 300, curve: [][2]float64{{1e5, 2.4}, {1e6, 1.8}}},
		{name: "n-grams", bits: 1.76},
	}
	name := filepath.Join(t.TempDir(), "quality.svg")
	if err := plot(name, lines); err != nil {
		t.Fatal(err)
	}
	svg, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer svg.Close()
	paths := map[string]int{}
	for d := xml.NewDecoder(svg); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "path" {
			for _, a := range e.Attr {
				if a.Name.Local == "stroke-width" {
					paths[a.Value]++
				}
			}
		}
	}
	if paths["2"] != 2 {
		t.Errorf("%d lines of models, want 2", paths["2"])
	}
	var b strings.Builder
	if err := table(&b, lines, "."); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Split(b.String(), "\n"); !strings.HasPrefix(rows[2], "| n-grams | 1.760 |") || !strings.HasPrefix(rows[3], "| recipe | 1.800 ± 0.010 | 5e+06 | 1e+06 | 300 |") {
		t.Errorf("the table is\n%s", &b)
	}
}

// Of the books the smallest take part, at least ten, and of few bytes a larger share is held out.
func TestChooseBooks(t *testing.T) {
	dir := t.TempDir()
	q := contest{bytes: 1200}
	for i := range 14 {
		name := filepath.Join(dir, fmt.Sprintf("%02d.txt", i))
		if err := os.WriteFile(name, []byte(strings.Repeat("a", 100*(14-i))), 0o666); err != nil {
			t.Fatal(err)
		}
		q.books = append(q.books, name)
	}
	held, err := q.choose(filepath.Join(dir, "books"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "books", "*.txt"))
	if err != nil || len(names) != 10 || held != .2 {
		t.Errorf("%d books, %g of them held out (%v)", len(names), held, err)
	}
}

// What is changed for a contestant fits the recipe.
func TestContestants(t *testing.T) {
	recipe, err := fs.ReadFile(configs.Recipes(), "budget.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []contest{{tokens: 1000}, {minutes: 2}} {
		for _, c := range contestants {
			if _, err := pipeline.Parse("budget.yaml", recipe, ".", contestTable, q.settings(c)); err != nil {
				t.Errorf("%s, %+v: %v", c.name, q, err)
			}
		}
	}
}
