package finetune

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fragua/finetune/examples"
	"fragua/pipeline"
	"fragua/tokenize"
)

// TestLabels learns labels of which a text has none, one or two, and opens what was saved.
func TestLabels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var set []examples.Example
	for i := range 250 {
		e := examples.Example{ID: fmt.Sprint(i), Split: []string{examples.Train, examples.Train, examples.Train, examples.Validation, examples.Test}[i%5]}
		text := []byte("abcabcab")
		for k := range text {
			text[k] = "abcd"[rng.IntN(4)]
		}
		for k, l := range []string{"hot", "wet"} {
			if i>>k&1 == 1 {
				text[rng.IntN(4)+4*k] = "xy"[k]
				e.Labels = append(e.Labels, l)
			}
		}
		e.Text = string(text)
		set = append(set, e)
	}
	g := NewLabels()
	g.TooLong, g.Thresholds = LongError, map[string]float64{"wet": 0.4}
	f := tune(g)
	f.Strategy, f.Epochs, f.LR = Best, 20, 1e-2
	dir, _ := run(t, f, baseModel(t, 16), examplesDir(t, set))
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := figure(t, m, "micro F1", examples.Test); got.Value < 0.9 {
		t.Errorf("%+v", got)
	}
	figure(t, m, "macro F1", EveryLabelName)
	figure(t, m, "micro F1", NBLRLabelsName)
	figure(t, m, "F1 of wet", "")
	p, err := OpenPredictor(dir)
	if err != nil {
		t.Fatal(err)
	}
	saved := p.tuned.Goal.Goal.(*Labels).Thresholds
	if saved["wet"] != 0.4 || saved["hot"] <= 0 {
		t.Errorf("thresholds %v", saved)
	}
	for text, want := range map[string]string{"abcxabcy": "hot; wet", "abcxabcd": "hot", "abcdabcd": ""} {
		label, probs, err := p.Predict(context.Background(), text)
		if err != nil || label != want || len(probs) != 2 {
			t.Errorf("%s: %q %v %v, want %q", text, label, probs, err, want)
		}
	}
	none := tune(g)
	if _, err := none.prepare(baseModel(t, 16).Path, map[string][]examples.Example{examples.Train: {{ID: "1", Text: "a"}}}, 1); err == nil || !strings.Contains(err.Error(), "no training example has a label") {
		t.Error(err)
	}
}

// TestWindows: every id of a long text is in a window, windows overlap by a quarter, and a text
// that fits is read as ever.
func TestWindows(t *testing.T) {
	tok, err := tokenize.Parse(byteTokenizer(t))
	if err != nil {
		t.Fatal(err)
	}
	enc := encoder{tok: tok, context: 8, long: Windows}
	var tally lengths
	for text, want := range map[string][]string{
		"abcdefgh":         {"abcdefgh"},
		"abcdefghi":        {"abcdefgh", "bcdefghi"},
		"abcdefghijklmnop": {"abcdefgh", "ghijklmn", "ijklmnop"},
	} {
		parts, err := enc.encodeParts(sentiment(Windows).Segments(examples.Example{Text: text}), &tally)
		var got []string
		for _, s := range parts {
			if len(s.ids) > 8 || len(s.learn) != len(s.ids) {
				t.Errorf("%q: window %v", text, s.ids)
			}
			got = append(got, tok.Decode(s.ids))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: windows %q, want %q; %v", text, got, want, err)
		}
	}
	if tally.Whole != 3 || tally.Cut != 0 {
		t.Errorf("%+v", tally)
	}
	// A letter that only a later window sees decides the class.
	var set []examples.Example
	for i, e := range moods(300) {
		e.Text = strings.Repeat("a", 3+i%9) + e.Text + strings.Repeat("b", 3+i%7)
		set = append(set, e)
	}
	f := tune(sentiment(Windows))
	f.Epochs = 15
	dir, counts := run(t, f, baseModel(t, 16), examplesDir(t, set))
	m, err := pipeline.ReadMetrics(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := figure(t, m, "accuracy", examples.Test); got.Value < 0.8 || counts.Kept != 180 {
		t.Errorf("%+v, %d kept", got, counts.Kept)
	}
	if e := figure(t, m, "calibration error", ""); e.Value < 0 || e.Value > 0.5 {
		t.Errorf("%+v", e)
	}
}
