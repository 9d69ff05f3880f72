package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/model/kernel"
	"fragua/pipeline"
)

func TestPrecisionWarning(t *testing.T) {
	all := []string{"plain", "avx2", "avx512", "avx512bf16"}
	slow := []string{"plain", "avx2", "avx512bf16", "avx512"}
	amx := append(slices.Clone(slow), "amx")
	for _, c := range []struct {
		floats Floats
		level  string
		levels []string
		want   []string // parts of the warning; nil: there is none
	}{
		{F32, "plain", all[:1], nil},
		{"", "plain", all[:1], nil},
		{BF16, "avx512bf16", all, nil},
		{BF16, "avx512", all, []string{"level avx512 round", "no faster", "--cpu avx512bf16"}},
		{BF16, "avx512", all[:3], []string{"level avx512 round", "no faster"}},
		{BF16, "avx512", slow, []string{"level avx512 round", "no faster"}},
		{BF16, "avx512bf16", slow, []string{"more slowly than f32", "f32", "--cpu avx512,"}},
		{BF16, "plain", all[:1], []string{"level plain round"}},
		{BF16, "amx", amx, nil},
		{BF16, "avx512", amx, []string{"level avx512 round", "no faster", "--cpu amx"}},
	} {
		got := c.floats.warning(c.level, c.levels)
		if (got == "") != (c.want == nil) || strings.Contains(got, "--cpu") != (len(c.want) == 3) || strings.Contains(got, "\n") {
			t.Errorf("%s at %s of %v: warning is %q", c.floats, c.level, c.levels, got)
		}
		for _, part := range c.want {
			if !strings.Contains(got, part) {
				t.Errorf("%s at %s of %v: warning is %q, want %q in it", c.floats, c.level, c.levels, got, part)
			}
		}
	}
}

// auto is bf16 where no warning would be given, and else f32.
func TestAutoPrecision(t *testing.T) {
	fast, slow := []string{"plain", "avx2", "avx512", "avx512bf16"}, []string{"plain", "avx2", "avx512bf16", "avx512"}
	for _, c := range []struct {
		floats Floats
		level  string
		levels []string
		want   Floats
	}{
		{Auto, "avx512bf16", fast, BF16}, {Auto, "avx512", fast, F32}, {Auto, "avx512", slow, F32},
		{Auto, "avx512bf16", slow, F32}, {Auto, "plain", fast[:1], F32}, {BF16, "plain", fast[:1], BF16}, {F32, "avx512bf16", fast, F32},
		{Auto, "amx", append(slices.Clone(slow), "amx"), BF16}, {Auto, "avx512", append(slices.Clone(slow), "amx"), F32},
	} {
		if got := c.floats.resolve(c.level, c.levels); got != c.want {
			t.Errorf("%s at %s of %v is %s, want %s", c.floats, c.level, c.levels, got, c.want)
		}
	}
}

// The stage trains in bfloat16 on every machine and says so in the card. Where the kernels
// have no instructions for it, plan and run warn.
func TestPretrainBF16(t *testing.T) {
	dir := t.TempDir()
	if _, err := runRoad(t, dir, road, pipeline.Options{Workers: 1}, nil); err != nil {
		t.Fatal(err)
	}
	yaml := strings.Replace(road, "      steps: 20", "      precision: bf16\n      steps: 20", 1)
	c, err := pipeline.Parse("road.yaml", []byte(yaml), ".", testTable, nil)
	if err != nil {
		t.Fatal(err)
	}
	stages, err := pipeline.Plan(t.Context(), c, pipeline.Options{Out: dir, Workers: 1, CPU: kernel.Level()})
	if err != nil {
		t.Fatal(err)
	}
	said, err := runRoad(t, dir, yaml, pipeline.Options{Workers: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	warns := func(line string) bool { return strings.Contains(line, "round to bf16 and multiply in f32") }
	planned := slices.ContainsFunc(stages, func(s pipeline.PlannedStage) bool { return s.Estimate != nil && warns(s.Estimate.Note) })
	if slow := !multipliesBF16(kernel.Level(), kernel.Levels()); planned != slow || slices.ContainsFunc(said, warns) != slow {
		t.Errorf("at level %s: the plan warns: %v; the run says %q", kernel.Level(), planned, said)
	}
	card, err := os.ReadFile(filepath.Join(dir, "base", "MODEL_CARD.md"))
	if err != nil || !strings.Contains(string(card), "| precision | bf16 |") {
		t.Errorf("the card does not say bf16 (%v):\n%s", err, card)
	}
}
