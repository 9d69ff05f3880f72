package examples

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPhraseBook(t *testing.T) {
	b := &phraseBook{
		Lists: map[string][][2]string{
			"place": {{"the park", "el parque"}, {"the square", "la plaza"}},
			"do":    {{"go to {place}", "ir a {place}"}},
		},
		Sentences: [][2]string{{"{place} is near {place2}.", "¿{place2} está cerca de {place}?"}, {"I want to {do}.", "Quiero {do}."}},
		Contract:  [][2]string{{" a el ", " al "}, {" de el ", " del "}},
	}
	if err := b.check(); err != nil {
		t.Fatal(err)
	}
	got, err := b.pairs(4, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]string{
		{"The park is near the square.", "¿La plaza está cerca del parque?"},
		{"The square is near the park.", "¿El parque está cerca de la plaza?"},
		{"I want to go to the park.", "Quiero ir al parque."},
		{"I want to go to the square.", "Quiero ir a la plaza."},
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if again, _ := b.pairs(4, 1); !slices.Equal(got, again) {
		t.Error("the same seed gives other pairs")
	}
	if _, err := b.pairs(5, 1); err == nil {
		t.Error("more pairs than there are")
	}
	for want, s := range map[string][2]string{
		"the same gaps":   {"{place}", "{do}"},
		`no list "thing"`: {"{thing}", "{thing}"},
	} {
		if err := (&phraseBook{Sentences: [][2]string{s}, Lists: b.Lists}).check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	b.Lists["place"] = append(b.Lists["place"], [2]string{"where I {do}", "donde {do}"})
	if err := b.check(); err == nil || !strings.Contains(err.Error(), "contains itself") {
		t.Error(err)
	}
}

// The sample's phrase book is without a fault, and leaves no gap open.
func TestSamplePhrases(t *testing.T) {
	b, err := loadPhraseBook(filepath.Join("..", "..", "configs", "sample", "phrases.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := b.pairs(3000, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		for _, bad := range []string{"{", "}", " de el ", " a el ", "  "} {
			if strings.Contains(p[0]+"\n"+p[1], bad) {
				t.Fatalf("%q has %q", p, bad)
			}
		}
	}
}
