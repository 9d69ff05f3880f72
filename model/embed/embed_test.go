package embed

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/configs"
	"fragua/model/kernel/par"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"El gato, ¡el GATO!":               "el gato el gato",
		"the king's _very_ own; it's 3 pm": "the king very own it pm",
		"the king’s":                       "the king",
		"don't":                            "don't",
		"… — 1,5 –":                        "",
		"Ñandú\u0301 árbol":                "ñandú\u0301 árbol",
	} {
		if got := strings.Join(slices.Collect(Words(text)), " "); got != want {
			t.Errorf("Words(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPairsAreThoseOfABruteCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 6).Draw(t, "window")
		texts := rapid.SliceOfN(rapid.SliceOf(rapid.Int32Range(-1, 9)), 1, 5).Draw(t, "texts")
		want := map[[2]uint32]uint64{}
		c := &pairCounter{window: window}
		for _, ids := range texts {
			c.add(ids)
			if rapid.Bool().Draw(t, "gather") {
				c.gather()
			}
			for i := range ids {
				for j := range i {
					if d := i - j; d <= window && ids[i] >= 0 && ids[j] >= 0 {
						want[[2]uint32{uint32(max(ids[i], ids[j])), uint32(min(ids[i], ids[j]))}] += uint64(window + 1 - d)
					}
				}
			}
		}
		got := c.pairs()
		if len(got) != len(want) {
			t.Fatalf("%d pairs, want %d", len(got), len(want))
		}
		for i, p := range got {
			if p.n != want[[2]uint32{p.row, p.col}] || i > 0 && got[i-1].key() >= p.key() {
				t.Fatalf("pair %d is %v, want %d", i, p, want[[2]uint32{p.row, p.col}])
			}
		}
		var file bytes.Buffer
		if err := writePairs(&file, got); err != nil {
			t.Fatal(err)
		}
		back, err := readPairs(&file)
		if err != nil || !slices.Equal(back, got) {
			t.Fatalf("read back: %v, %v", back, err)
		}
	})
}

func FuzzReadPairs(f *testing.F) {
	f.Add([]byte{1, 2, 0x80})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = readPairs(bytes.NewReader(b))
	})
}

// TestMutual holds two words to what a person computes: of a text "a b", counted once, each word
// makes half of the pairs, so that p(a,b) is ½ of both directions, and the smoothed q are ½.
func TestMutual(t *testing.T) {
	m := mutual([]pair{{1, 0, 1}}, 2)
	if want := float32(math.Log(0.5 / (0.5 * 0.5))); len(m.Values) != 2 || math.Abs(float64(m.Values[0]-want)) > 1e-6 || m.Cols[0] != 1 || m.Cols[1] != 0 {
		t.Errorf("%v at %v, want %v", m.Values, m.Cols, want)
	}
}

func TestEigen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 12).Draw(t, "k")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		a := make([]float64, k*k)
		for i := range k {
			for j := range i + 1 {
				a[i*k+j] = rng.NormFloat64()
				a[j*k+i] = a[i*k+j]
			}
		}
		v, values := eigen(slices.Clone(a), k, func(x float64) float64 { return x })
		for j := range k {
			if j > 0 && values[j] > values[j-1] {
				t.Fatalf("values do not fall: %v", values)
			}
			for i := range k {
				sum := 0.0
				for l := range k {
					sum += a[i*k+l] * v[l*k+j]
				}
				if math.Abs(sum-values[j]*v[i*k+j]) > 1e-9 {
					t.Fatalf("column %d is no eigenvector: %g, want %g", j, sum, values[j]*v[i*k+j])
				}
			}
		}
	})
}

// vectorsOf learns from texts, one of them a document.
func vectorsOf(e *Embeddings, seed uint64, texts ...string) *Vectors {
	counts := map[string]int64{}
	for _, text := range texts {
		for w := range Words(text) {
			counts[w]++
		}
	}
	v := newVocabulary(counts, int64(e.MinCount), e.MaxWords)
	c := &pairCounter{window: e.Window}
	for _, text := range texts {
		var ids []int32
		for w := range Words(text) {
			id, ok := v.index[w]
			if !ok {
				ids = append(ids, -1)
				continue
			}
			ids = append(ids, int32(id))
		}
		c.add(ids)
	}
	return e.learn(v, c.pairs(), seed)
}

// TestLeading holds subspace iteration to the whole spectrum of a small matrix.
func TestLeading(t *testing.T) {
	const n = 40
	rng := rand.New(rand.NewPCG(1, 2))
	var pairs []pair
	for i := range uint32(n) {
		for j := range i + 1 {
			if rng.IntN(3) == 0 {
				pairs = append(pairs, pair{i, j, uint64(1 + rng.IntN(9))})
			}
		}
	}
	m := mutual(pairs, n)
	dense := make([]float64, n*n)
	for i := range n {
		for k := m.First[i]; k < m.First[i+1]; k++ {
			dense[i*n+int(m.Cols[k])] = float64(m.Values[k])
		}
	}
	_, want := eigen(dense, n, math.Abs)
	u, got := leading(m, 10, 3)
	for i, x := range got {
		if math.Abs(x-math.Abs(want[i])) > 1e-3 {
			t.Errorf("singular value %d is %g, want %g", i, x, math.Abs(want[i]))
		}
	}
	for a := range 10 {
		for b := range 10 {
			sum := 0.0
			for i := range n {
				sum += float64(u[i*10+a]) * float64(u[i*10+b])
			}
			if want := float64(bit(a == b)); math.Abs(sum-want) > 1e-4 {
				t.Errorf("columns %d and %d have the product %g", a, b, sum)
			}
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestWorkersChangeNothing(t *testing.T) {
	text := strings.Join(sample(t), "\n")
	e := NewEmbeddings()
	e.MinCount, e.Width = 2, 30
	defer par.SetWorkers(0)
	var first []float32
	for _, workers := range []int{1, 2, 5} {
		par.SetWorkers(workers)
		v := vectorsOf(e, 7, text)
		if first == nil {
			first = v.Rows
		}
		if !slices.Equal(first, v.Rows) {
			t.Errorf("%d workers give other vectors than one", workers)
		}
	}
}

// sample is the paragraphs of the recipes' own books and pages.
func sample(t *testing.T) (paragraphs []string) {
	tags := regexp.MustCompile(`<[^>]*>`)
	for _, pattern := range []string{"books/*", "pages/*"} {
		files, err := fs.Glob(configs.Sample(), pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, name := range files {
			b, err := fs.ReadFile(configs.Sample(), name)
			if err != nil {
				t.Fatal(err)
			}
			paragraphs = append(paragraphs, strings.Split(tags.ReplaceAllString(string(b), " "), "\n\n")...)
		}
	}
	return paragraphs
}

// TestCatIsNearerToDogThanToCar is what the README says of the quickstart's own corpus. As there, a
// twentieth of the passages is held out, another one for each seed.
func TestCatIsNearerToDogThanToCar(t *testing.T) {
	paragraphs := sample(t)
	e := NewEmbeddings()
	e.MinCount, e.Width, e.Window = 2, 120, 5
	for _, seed := range []uint64{1337, 1, 2} {
		rng := rand.New(rand.NewPCG(seed, 0))
		kept := slices.DeleteFunc(slices.Clone(paragraphs), func(string) bool { return rng.IntN(20) == 0 })
		v := vectorsOf(e, seed, kept...)
		s := v.Judge([]Triplet{{"gato", "perro", "coche"}, {"perro", "gato", "coche"}, {"cat", "dog", "car"}, {"dog", "cat", "car"}})
		if s.Right != 4 {
			t.Errorf("seed %d: %v, %d unknown", seed, s.Wrong, s.Missing)
		}
	}
}

// TestTripletsAreSound checks the list that a recipe is judged by: 60 lines in Spanish, 40 in English, none twice.
func TestTripletsAreSound(t *testing.T) {
	b, err := fs.ReadFile(configs.Sample(), "triplets.tsv")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "triplets.tsv")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := ReadTriplets(name)
	seen := map[Triplet]bool{}
	for _, x := range list {
		if seen[x] || x.Near == x.Far || x.Word == x.Near {
			t.Errorf("%v", x)
		}
		seen[x] = true
	}
	if err != nil || len(list) != 100 {
		t.Errorf("%d triplets, %v", len(list), err)
	}
}

// TestSpearman has scipy's value: scipy.stats.spearmanr([.1, .9, .5, .5, .2], [1, 9, 4, 6, 1]).
func TestSpearman(t *testing.T) {
	if got := correlation(ranks([]float64{.1, .9, .5, .5, .2}), ranks([]float64{1, 9, 4, 6, 1})); math.Abs(got-0.9473684) > 1e-6 {
		t.Errorf("%.7f", got)
	}
}

func TestReadRatings(t *testing.T) {
	for text, want := range map[string]string{
		"word1\tword2\tscore\nCat\tdog\t7.5\textra\n": "[{cat dog 7.5}]",
		"cat,dog,7\n# a comment\n\nsun;moon;2":        "[{cat dog 7} {sun moon 2}]",
		"hot dog\tcar\t1":                             "[{hot dog car 1}]",
		"cat dog 7\ncat dog seven":                    "seven",
		"cat dog":                                     "2 columns",
	} {
		name := filepath.Join(t.TempDir(), "ratings")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		list, err := ReadRatings(name)
		if got := fmt.Sprint(list, err); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzReadRatings(f *testing.F) {
	f.Add("a b 3")
	f.Add("a\tb\tNaN\n;;")
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(t.TempDir(), "ratings")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		list, _ := ReadRatings(name)
		for _, r := range list {
			if math.IsNaN(r.Score) {
				t.Errorf("%v", r)
			}
		}
		_, _ = ReadTriplets(name)
	})
}

// TestTextIsAWeighedMean: of a frequent and a rare word the rare one decides.
func TestTextIsAWeighedMean(t *testing.T) {
	v := &Vectors{Words: []string{"the", "forge"}, Counts: []int64{999, 1}, Width: 2, Rows: []float32{1, 0, 0, 1}}
	v.prepare()
	x, unknown, err := v.Text("The forge glows")
	if err != nil || len(unknown) != 1 || unknown[0] != "glows" || math.Abs(float64(x[1])-0.5) > 1e-6 || math.Abs(float64(x[0])-0.001) > 1e-5 {
		t.Errorf("%v, %v, %v", x, unknown, err)
	}
	if _, _, err := v.Text("glows"); err == nil {
		t.Error("a text without a known word has a vector")
	}
}
