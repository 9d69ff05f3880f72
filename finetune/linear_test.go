package finetune

import (
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"fragua/finetune/metric"
)

// The fit ends where the gradient is nothing, and knows good from bad.
func TestLogisticReachesItsMinimum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([][]int32, 200)
	y := make([]float64, len(x))
	scale := make([]float64, 30)
	for f := range scale {
		scale[f] = rng.NormFloat64()
	}
	for i := range x {
		z := 0.0
		for f := range scale {
			if rng.IntN(4) == 0 {
				x[i] = append(x[i], int32(f))
				z += scale[f]
			}
		}
		y[i] = math.Copysign(1, z+rng.NormFloat64())
	}
	w, b := logistic(x, scale, y)
	p := &regression{x: x, s: scale, y: y, margin: make([]float64, len(x)), curve: make([]float64, len(x))}
	v := append(append([]float64(nil), w...), b)
	p.at(v)
	if g := p.gradient(v); math.Sqrt(dot(g, g)) > 0.05 {
		t.Errorf("the gradient is still %v", math.Sqrt(dot(g, g)))
	}
}

func TestNBLRThreeClasses(t *testing.T) {
	texts := []string{"sol y playa", "playa con sol", "nieve y frío", "mucho frío, nieve", "lluvia gris", "gris y lluvia fina"}
	m, err := FitNBLR([]string{"gris", "invierno", "verano"}, texts, []int{2, 2, 1, 1, 0, 0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"La playa": 2, "frío": 1, "Lluvia": 0} {
		got, probs := m.Predict(text)
		if got != want || math.Abs(probs[0]+probs[1]+probs[2]-1) > 1e-9 {
			t.Errorf("%s: class %d %v, want %d", text, got, probs, want)
		}
	}
	if _, err := FitNBLR([]string{"a", "b"}, []string{"x"}, []int{0}, 1); err == nil {
		t.Error("an empty class passed")
	}
}

// polarity reads the sentence polarity set, or skips.
func polarity(t testing.TB) (texts []string, labels []int) {
	for c, ext := range []string{"neg", "pos"} {
		b, err := os.ReadFile("../../shared/data/labels/sentence_polarity/rt-polarity." + ext)
		if err != nil {
			t.Skip("the sentence polarity set is not at ../shared/data/labels/sentence_polarity: ", err)
		}
		for line := range strings.Lines(string(b)) {
			texts, labels = append(texts, strings.TrimSpace(line)), append(labels, c)
		}
	}
	return texts, labels
}

// Row i of a class is in fold i mod 10.
func TestPolarityFolds(t *testing.T) {
	texts, labels := polarity(t)
	folds := 2
	if !testing.Short() && testing.Verbose() {
		folds = 10
	}
	var hit, all int
	for fold := range folds {
		var trainX, testX []string
		var trainY, testY []int
		for i := range texts {
			if i%10 == fold {
				testX, testY = append(testX, texts[i]), append(testY, labels[i])
			} else {
				trainX, trainY = append(trainX, texts[i]), append(trainY, labels[i])
			}
		}
		m, err := FitNBLR([]string{"neg", "pos"}, trainX, trainY, 2)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range testX {
			if c, _ := m.Predict(x); c == testY[i] {
				hit++
			}
			all++
		}
	}
	got := float64(hit) / float64(all)
	t.Logf("%d folds: accuracy %.4f ± %.4f, n = %d", folds, got, metric.Wilson(int64(hit), int64(all)), all)
	if got < 0.765 || got > 0.81 {
		t.Errorf("accuracy %.4f, expected 0.77 to 0.79", got)
	}
}
