package examples

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A Grammar makes synthetic English–Spanish sentence pairs: every pair is correct in
// both languages, and all of them speak of one narrow theme.
//
//	sentence = subject verb determiner adjective noun [place] [time]
//
// in three tenses, affirmative and negative. Spanish words agree: the adjective and the
// determiner with the noun (ms fs mp fp), the verb with the subject (s p).
type Grammar struct {
	Subjects []struct {
		EN, ES string
		Number string
	}
	Verbs []struct {
		EN struct{ Base, S, Past string }
		ES struct {
			S, P    string
			PastS   string `yaml:"past_s"`
			PastP   string `yaml:"past_p"`
			FutureS string `yaml:"future_s"`
			FutureP string `yaml:"future_p"`
		}
	}
	Nouns []struct {
		EN, ES struct{ S, P string }
		Gender string
	}
	Determiners []struct {
		EN struct{ S, P string }
		ES map[string]string
	}
	Adjectives []struct {
		EN string
		ES map[string]string
	}
	Places []phrase
	Times  map[string][]phrase // by tense
}

type phrase struct{ EN, ES string }

// A GrammarPair is one sentence in both languages.
type GrammarPair struct {
	English, Spanish string
	Combination      string // verb, noun and adjective: held-out combinations make the test split
}

var tenses = [...]string{"present", "past", "future"}

// LoadGrammar reads a grammar and checks that every form that it can need is there.
func LoadGrammar(name string) (*Grammar, error) {
	b, err := store.ReadFile(name)
	if err != nil {
		return nil, err
	}
	g := new(Grammar)
	if err := yaml.Load(b, g, yaml.WithKnownFields()); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	if err := g.check(); err != nil {
		return nil, fault.Hintf(&fault.RowError{File: name, Row: -1, Err: err}, "every word needs all its forms: number s or p, gender m or f, adjectives ms fs mp fp")
	}
	return g, nil
}

func (g *Grammar) check() error {
	for what, n := range map[string]int{"subjects": len(g.Subjects), "verbs": len(g.Verbs), "nouns": len(g.Nouns), "determiners": len(g.Determiners), "adjectives": len(g.Adjectives)} {
		if n == 0 {
			return fmt.Errorf("%s: none given", what)
		}
	}
	for _, s := range g.Subjects {
		if s.EN == "" || s.ES == "" || s.Number != "s" && s.Number != "p" {
			return fmt.Errorf("subjects: %q needs en, es and number", s.EN+s.ES)
		}
	}
	for _, v := range g.Verbs {
		for _, form := range []string{v.EN.Base, v.EN.S, v.EN.Past, v.ES.S, v.ES.P, v.ES.PastS, v.ES.PastP, v.ES.FutureS, v.ES.FutureP} {
			if form == "" {
				return fmt.Errorf("verbs: %q lacks a form", v.EN.Base)
			}
		}
	}
	for _, n := range g.Nouns {
		if n.EN.S == "" || n.EN.P == "" || n.ES.S == "" || n.ES.P == "" || n.Gender != "m" && n.Gender != "f" {
			return fmt.Errorf("nouns: %q lacks a form or its gender", n.EN.S)
		}
	}
	agree := func(what, word string, forms map[string]string) error {
		for _, f := range []string{"ms", "fs", "mp", "fp"} {
			if forms[f] == "" {
				return fmt.Errorf("%s: %q lacks the form %s", what, word, f)
			}
		}
		return nil
	}
	for _, d := range g.Determiners {
		if err := agree("determiners", d.EN.S, d.ES); err != nil {
			return err
		}
	}
	for _, a := range g.Adjectives {
		if err := agree("adjectives", a.EN, a.ES); err != nil {
			return err
		}
	}
	return nil
}

// Pairs returns n different sentence pairs; the seed decides which. It is an error to
// ask for more than a tenth of what the grammar can say, since drawing without
// repetition would then take long.
func (g *Grammar) Pairs(n int, seed uint64) ([]GrammarPair, error) {
	all := len(g.Subjects) * len(g.Verbs) * len(g.Nouns) * len(g.Determiners) * len(g.Adjectives) * len(tenses) * 2 * 2
	if n > all/10 {
		return nil, fault.Hintf(fmt.Errorf("%d sentence pairs asked for, but the grammar makes only about %d", n, all), "ask for at most %d, or add words", all/10)
	}
	rng := rand.New(rand.NewPCG(seed, 0x6772616d6d6172)) // "grammar"
	seen := make(map[string]bool, n)
	pairs := make([]GrammarPair, 0, n)
	for len(pairs) < n {
		p := g.draw(rng)
		if !seen[p.English] {
			seen[p.English] = true
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

func (g *Grammar) draw(rng *rand.Rand) GrammarPair {
	subject, verb, noun := g.Subjects[rng.IntN(len(g.Subjects))], g.Verbs[rng.IntN(len(g.Verbs))], g.Nouns[rng.IntN(len(g.Nouns))]
	det, adj := g.Determiners[rng.IntN(len(g.Determiners))], g.Adjectives[rng.IntN(len(g.Adjectives))]
	tense, negative, plural := tenses[rng.IntN(len(tenses))], rng.IntN(3) == 0, rng.IntN(2) == 0

	number, enNoun, esNoun, enDet := "s", noun.EN.S, noun.ES.S, det.EN.S
	if plural {
		number, enNoun, esNoun, enDet = "p", noun.EN.P, noun.ES.P, det.EN.P
	}
	form := noun.Gender + number
	one := subject.Number == "s"
	var enVerb, esVerb string
	switch tense {
	case "present":
		enVerb, esVerb = verb.EN.Base, verb.ES.P
		if one {
			enVerb, esVerb = verb.EN.S, verb.ES.S
		}
		if negative {
			enVerb = "do not " + verb.EN.Base
			if one {
				enVerb = "does not " + verb.EN.Base
			}
		}
	case "past":
		enVerb, esVerb = verb.EN.Past, verb.ES.PastP
		if one {
			esVerb = verb.ES.PastS
		}
		if negative {
			enVerb = "did not " + verb.EN.Base
		}
	case "future":
		enVerb, esVerb = "will "+verb.EN.Base, verb.ES.FutureP
		if one {
			esVerb = verb.ES.FutureS
		}
		if negative {
			enVerb = "will not " + verb.EN.Base
		}
	}
	if negative {
		esVerb = "no " + esVerb
	}
	en := []string{subject.EN, enVerb, enDet, adj.EN, enNoun}
	es := []string{subject.ES, esVerb, det.ES[form], esNoun, adj.ES[form]}
	for _, some := range [][]phrase{g.Places, g.Times[tense]} {
		if i := rng.IntN(2 * max(len(some), 1)); i < len(some) { // half of the sentences have one
			en, es = append(en, some[i].EN), append(es, some[i].ES)
		}
	}
	return GrammarPair{English: sentence(en), Spanish: sentence(es), Combination: verb.EN.Base + " " + adj.EN + " " + noun.EN.S}
}

// sentence joins words, begins with a capital and ends with a full stop.
func sentence(words []string) string {
	s := strings.Join(words, " ") + "."
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
