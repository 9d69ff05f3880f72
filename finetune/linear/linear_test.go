package linear

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var (
	good = []string{"the bread is warm and good", "a good book by a good friend", "warm light in the forge", "she sings a fine song", "the lamp is bright and useful", "good good good"}
	bad  = []string{"the bread is cold and stale", "a dull book by nobody", "cold rain in the forge", "he breaks a fine lamp", "the lamp is dark and broken", "bad bad day"}
	says = []string{"a good warm day", "the dull and broken song", "nobody sings", "cold bread by the bright lamp"}
)

func near(a []float64, b ...float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 5e-4 })
}

// The probabilities are scikit-learn 1.9.1's: TfidfVectorizer(sublinear_tf=True) of
// words 1–2 and of char_wb 1–5, CountVectorizer(binary=True) times the log-count
// ratios, and StandardScaler, each with LogisticRegression(C, tol=1e-10);
// more than two classes by OneVsRestClassifier.
func TestAgainstScikitLearn(t *testing.T) {
	labels := []int{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		spec Spec
		want []float64
	}{
		{TFWords, []float64{.70043, .3898, .47986, .42236}},
		{TFChars, []float64{.85196, .32699, .45392, .32516}},
		{NBLR, []float64{.80974, .37884, .44216, .33843}},
	} {
		m, err := c.spec.Fit(append(slices.Clone(good), bad...), labels, 2, false)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.spec.New(2, m.Arrays())
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		for _, text := range says {
			p := m.LogProbs(text)
			if !slices.Equal(p, again.LogProbs(text)) {
				t.Errorf("%+v: made of its arrays it answers otherwise", c.spec)
			}
			got = append(got, math.Exp(p[1]))
		}
		if !near(got, c.want...) {
			t.Errorf("%+v: %.5f, want %.5f", c.spec, got, c.want)
		}
	}
	rows := [][]float32{{1, 2}, {2, 1}, {3, 5}, {-1, 0}, {0, 2}, {4, 4}}
	probs := func(labels []int, classes int) (all []float64) {
		d, err := FitDense(rows, labels, classes, .5, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range [][]float32{{0, 0}, {3, 3}} {
			for _, l := range d.LogProbs(v) {
				all = append(all, math.Exp(l))
			}
		}
		return all
	}
	if got := probs([]int{0, 0, 1, 1, 0, 1}, 2); !near(got, .62948, .37052, .43759, .56241) {
		t.Errorf("two classes: %.5f", got)
	}
	if got := probs([]int{0, 1, 2, 1, 0, 2}, 3); !near(got, .38223, .52676, .09101, .27497, .24184, .48318) {
		t.Errorf("three classes: %.5f", got)
	}
}

// NB-SVM separates what can be separated, and its blended weights still do.
func TestNBSVM(t *testing.T) {
	m, err := NBSVM.Fit(append(slices.Clone(good), bad...), []int{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range append(slices.Clone(good), bad...) {
		if (Likeliest(m.LogProbs(text)) == 1) != (i < len(good)) {
			t.Errorf("%q: %v", text, m.LogProbs(text))
		}
	}
}

func TestRefusals(t *testing.T) {
	if _, err := NBLR.Fit(good, []int{0, 0, 0, 0, 0, 0}, 2, false); err == nil {
		t.Error("a class without rows")
	}
	m, err := TFWords.Fit([]string{"a", "b"}, []int{0, 1}, 2, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Arrays){
		"an n-gram twice":  func(a *Arrays) { a.Grams = []string{"a", "a"} },
		"no IDF":           func(a *Arrays) { a.IDF = nil },
		"too few weights":  func(a *Arrays) { a.Weights = [][]float32{{1}} },
		"too many classes": func(a *Arrays) { a.Bias = []float32{0, 0, 0} },
	} {
		a := m.Arrays()
		spoil(&a)
		if _, err := TFWords.New(2, a); err == nil {
			t.Error(name)
		}
	}
	if p := m.LogProbs("nothing known"); math.Abs(math.Exp(p[0])+math.Exp(p[1])-1) > 1e-9 {
		t.Errorf("of a text without known n-grams: %v", p)
	}
}

// One model's weight is its temperature; a model that knows outweighs noise.
func TestPool(t *testing.T) {
	var sure, noise [][]float64
	var labels []int
	for i := range 200 {
		l := i % 2
		labels = append(labels, l)
		said := l
		if i%10 < 3 { // right in 70 of 100, and sure as if in 99
			said = 1 - l
		}
		p := []float64{math.Log(.01), math.Log(.01)}
		p[said] = math.Log(.99)
		sure = append(sure, p)
		q := []float64{math.Log(.4), math.Log(.4)}
		q[i/2%2] = math.Log(.6)
		noise = append(noise, q)
	}
	p := FitPool([][][]float64{sure}, labels, 0)
	if got := math.Exp(p.LogProbs([][]float64{sure[0]})[1]); math.Abs(got-.7) > .01 {
		t.Errorf("calibrated to %v, want .7", got)
	}
	p = FitPool([][][]float64{sure, noise}, labels, 0)
	if math.Abs(p[1]) > .2 {
		t.Errorf("noise has the weight %v", p[1])
	}
	if own, crossed := LogLoss(CrossFit([][][]float64{sure, noise}, labels, 1), labels), -.7*math.Log(.7)-.3*math.Log(.3); own < crossed {
		t.Errorf("rows judged by others' weights have the loss %v, below the least possible %v", own, crossed)
	}
}

// Words are in lower case and hold no space; n-grams of characters cover the text.
func TestWords(t *testing.T) {
	if got := Words("It’s  ¡BUENO!\n(sí)"); !slices.Equal(got, []string{"it’s", "¡", "bueno", "!", "(", "sí", ")"}) {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		v := vocabulary{ByCharacter, 1, 3, map[string]int32{}}
		ids, times := v.counts(text, true)
		if len(ids) != len(times) || !slices.IsSorted(ids) {
			t.Fatal(ids, times)
		}
		again, _ := v.counts(text, false)
		if !slices.Equal(ids, again) {
			t.Fatal("other n-grams the second time")
		}
	})
}
