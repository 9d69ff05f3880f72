package pipeline

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestMetricsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if m, err := ReadMetrics(dir); err != nil || !reflect.DeepEqual(m, Metrics{}) {
		t.Fatalf("no file: %+v, %v", m, err)
	}
	want := Metrics{
		Figures:      []Figure{{Name: "bits per byte", Value: 1.25, PlusMinus: 0.01, N: 400, Unit: "bits", Better: "lower", Note: "validation <all>"}},
		Curves:       []Curve{{Name: "train", X: "step", Y: "loss", Points: [][2]float64{{0, 9}, {10, 4.5}}}},
		Confusion:    &Confusion{Labels: []string{"no", "sí"}, Rows: [][]int64{{3, 1}, {0, 4}}},
		Samples:      []Sample{{Title: "step 10", Text: "The\nhammer"}},
		Translations: []Translation{{Source: "a", Reference: "b", Output: "c", Baseline: "a"}},
	}
	if err := WriteMetrics(dir, want); err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(filepath.Join(dir, MetricsName))
	got, err := ReadMetrics(dir)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if err := WriteMetrics(dir, got); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(filepath.Join(dir, MetricsName)); string(again) != string(first) {
		t.Error("the same metrics gave other bytes")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMetricsRefused(t *testing.T) {
	for want, m := range map[string]Metrics{
		"finite":    {Figures: []Figure{{Name: "loss", Value: math.NaN()}}},
		"better":    {Figures: []Figure{{Name: "loss", Better: "more"}}},
		"point 1":   {Curves: []Curve{{Name: "c", Points: [][2]float64{{0, 1}, {1, math.Inf(1)}}}}},
		"2 labels":  {Confusion: &Confusion{Labels: []string{"a", "b"}, Rows: [][]int64{{1, 2}}}},
		"1 columns": {Confusion: &Confusion{Labels: []string{"a", "b"}, Rows: [][]int64{{1, 2}, {1}}}},
	} {
		dir := t.TempDir()
		if err := WriteMetrics(dir, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", m, err, want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("refused metrics left a file")
		}
	}
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, MetricsName), []byte(`{"figures": 3}`), 0o644)
	if _, err := ReadMetrics(dir); err == nil || !strings.Contains(err.Error(), MetricsName) {
		t.Errorf("a wrong file: %v", err)
	}
}
