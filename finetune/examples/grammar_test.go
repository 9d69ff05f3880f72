package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sampleGrammar = "../../configs/sample/grammar.yaml"

func TestGrammarPairs(t *testing.T) {
	g, err := LoadGrammar(sampleGrammar)
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := g.Pairs(2000, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := g.Pairs(2000, 7)
	seen := map[string]bool{}
	for i, p := range pairs {
		if p != again[i] {
			t.Fatalf("pair %d: %v, then %v for the same seed", i, p, again[i])
		}
		if seen[p.English] {
			t.Errorf("%q twice", p.English)
		}
		seen[p.English] = true
		negEN, negES := strings.Contains(p.English, " not "), strings.Contains(p.Spanish, " no ")
		if negEN != negES {
			t.Errorf("negation differs: %q, %q", p.English, p.Spanish)
		}
	}
	for i, want := range []GrammarPair{ // read and approved by eye
		{"Our neighbour will need one red basket next week.", "Nuestro vecino necesitará una cesta roja la semana que viene.", "need red basket"},
		{"My friends did not break two useful chairs.", "Mis amigos no rompieron dos sillas útiles.", "break useful chair"},
		{"My sister does not find this heavy knife.", "Mi hermana no encuentra este cuchillo pesado.", "find heavy knife"},
		{"The teacher will not find this useful basket at the market.", "La maestra no encontrará esta cesta útil en el mercado.", "find useful basket"},
	} {
		if pairs[i] != want {
			t.Errorf("pair %d: got %v, want %v", i, pairs[i], want)
		}
	}
	if _, err := g.Pairs(1<<30, 7); err == nil {
		t.Error("more pairs than the grammar makes: want an error")
	}
}

func TestGrammarLacksAForm(t *testing.T) {
	b, err := os.ReadFile(sampleGrammar)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []struct{ old, new string }{
		{"mp: rojos, ", ""},
		{"number: s", "number: x"},
		{"past_s: compró, ", ""},
		{"gender: m", "genus: m"},
	} {
		name := filepath.Join(t.TempDir(), "g.yaml")
		if err := os.WriteFile(name, []byte(strings.Replace(string(b), bad.old, bad.new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadGrammar(name); err == nil {
			t.Errorf("%q → %q: want an error", bad.old, bad.new)
		}
	}
}
