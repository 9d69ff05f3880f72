package train

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
)

func TestStepsWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		decay, constant := rapid.Float64Range(0, mostDecay).Draw(t, "decay"), rapid.Int64Range(1, 100_000).Draw(t, "constant")
		n := stepsWith(decay, constant)
		if got := n - decaySteps(decay, n); got != constant {
			t.Errorf("of %d steps %d come before the decay, want %d", n, got, constant)
		}
	})
}

// The clock keeps to the minutes though the machine is slower at first than
// later: what it fixes at the beginning of the decay fits the speed of then.
func TestClock(t *testing.T) {
	for _, decay := range []float64{.2, .5} {
		var h history
		c := clock{seconds: 600, decay: decay, warmup: 10}
		for done := int64(1); h.Steps == 0 || done <= h.Steps; done++ {
			took := 1.0
			if h.Seconds > 120 {
				took = .3
			}
			c.take(&h, done, took)
			if done > 10_000 {
				t.Fatal("it goes on and on")
			}
		}
		if h.Seconds < 570 || h.Seconds > 630 {
			t.Errorf("decay %g: %d steps in %.0f seconds, want 600", decay, h.Steps, h.Seconds)
		}
		if f := c.factor(h.Steps-1, h.Steps); f > .1 {
			t.Errorf("the last step has %g of the rate", f)
		}
	}
}

// On a machine that became far slower than planned the warm-up is still a share of the steps.
func TestClockOfASlowMachine(t *testing.T) {
	var h history
	c := clock{seconds: 10, decay: .4, warmup: 30}
	for done := int64(1); h.Steps == 0 && done < 100; done++ {
		c.take(&h, done, 1)
	}
	if h.Steps <= c.warmup {
		t.Errorf("%d steps in all, of which %d warm up", h.Steps, c.warmup)
	}
}

// What a run by the clock took, it says; and a run of this many steps makes the same model.
func TestMinutesByTheClock(t *testing.T) {
	var note string
	weights := func(with string) []byte {
		dir := t.TempDir()
		yaml := strings.NewReplacer("steps: 20", with+"\n      schedule: {wsd: {decay: 0.4}}", "      eval_every: 8\n", "").Replace(road)
		if _, err := runRoad(t, dir, yaml, pipeline.Options{Workers: 1}, nil); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "base", "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := pipeline.ReadMetrics(filepath.Join(dir, "base"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range metrics.Figures {
			if f.Name == "steps" {
				note = f.Note
			}
		}
		return b
	}
	timed := weights("minutes: 0.01")
	again := regexp.MustCompile(`the same bytes again: (.*)$`).FindStringSubmatch(note)
	if again == nil {
		t.Fatalf("the note is %q", note)
	}
	if !bytes.Equal(weights(strings.ReplaceAll(again[1], ", ", "\n      ")), timed) {
		t.Errorf("%s gives other weights", again[1])
	}
}
