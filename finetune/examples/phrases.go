package examples

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// Phrases is sentence pairs that a phrase book makes: sentences with gaps, filled at random.
type Phrases struct {
	Path  settings.Path `yaml:"path" doc:"The phrase book."`
	Pairs int           `yaml:"pairs" doc:"How many different pairs it makes."`
	Seed  uint64        `yaml:"seed" doc:"Which of them."`
	Given `yaml:",inline"`
}

func (p *Phrases) files() ([]dataFile, error) { return globFiles(p.Path, "") }

func (p *Phrases) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		b, err := loadPhraseBook(f.path)
		var pairs [][2]string
		if err == nil {
			pairs, err = b.pairs(p.Pairs, p.Seed)
		}
		if err != nil {
			yield(record{}, err)
			return
		}
		for i, s := range pairs {
			if !yield(record{row: int64(i), text: s[0], target: s[1]}, nil) {
				return
			}
		}
	}
}

func (p *Phrases) check(cols columns) []fault.Fault {
	return (&Synthetic{Pairs: p.Pairs}).check(cols)
}

// A phraseBook makes sentence pairs: a sentence of each language with the same gaps, and lists of
// what fills them, a pair each. The gap {place} takes an entry of the list place; {place2} is
// another gap with an entry of the same list, and not the same entry. Entries may have gaps too.
type phraseBook struct {
	Lists     map[string][][2]string
	Sentences [][2]string
	Contract  [][2]string // what words that met in the target become: de el → del
}

var gap = regexp.MustCompile(`\{([a-z]+)[0-9]?\}`)

func loadPhraseBook(name string) (*phraseBook, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	b := new(phraseBook)
	if err := yaml.Load(src, b, yaml.WithKnownFields()); err != nil {
		return nil, &fault.RowError{File: name, Row: -1, Err: err}
	}
	if err := b.check(); err != nil {
		return nil, fault.Hintf(&fault.RowError{File: name, Row: -1, Err: err}, "both languages have the same gaps, and each gap's list is there")
	}
	return b, nil
}

// check finds gaps of one language alone, gaps without a list, and lists that contain themselves.
func (b *phraseBook) check() error {
	if len(b.Sentences) == 0 {
		return fmt.Errorf("no sentences")
	}
	all := slices.Clone(b.Sentences)
	for _, entries := range b.Lists {
		all = append(all, entries...)
	}
	for _, s := range all {
		gaps := [2][]string{gap.FindAllString(s[0], -1), gap.FindAllString(s[1], -1)}
		for _, g := range gaps {
			slices.Sort(g)
		}
		if !slices.Equal(gaps[0], gaps[1]) {
			return fmt.Errorf("%q and %q do not have the same gaps", s[0], s[1])
		}
		for _, g := range gap.FindAllStringSubmatch(s[0], -1) {
			if len(b.Lists[g[1]]) == 0 {
				return fmt.Errorf("%q: there is no list %q", s[0], g[1])
			}
		}
	}
	for name := range b.Lists {
		if b.reaches(name, name, len(b.Lists)) {
			return fmt.Errorf("list %q contains itself", name)
		}
	}
	return nil
}

// reaches reports whether an entry of list from has a gap of list to, in depth steps at most.
func (b *phraseBook) reaches(from, to string, depth int) bool {
	if depth == 0 {
		return false
	}
	for _, e := range b.Lists[from] {
		for _, g := range gap.FindAllStringSubmatch(e[0], -1) {
			if g[1] == to || b.reaches(g[1], to, depth-1) {
				return true
			}
		}
	}
	return false
}

// pairs returns n different sentence pairs; the seed decides which.
func (b *phraseBook) pairs(n int, seed uint64) ([][2]string, error) {
	rng := rand.New(rand.NewPCG(seed, 0x70687261736573)) // "phrases"
	seen := make(map[string]bool, n)
	var out [][2]string
	for tries := 0; len(out) < n; tries++ {
		if tries > 100*n {
			return nil, fault.Hintf(fmt.Errorf("%d sentence pairs asked for, but the phrase book made only %d in %d tries", n, len(out), tries), "ask for fewer, or add sentences")
		}
		s := b.fill(rng, b.Sentences[rng.IntN(len(b.Sentences))])
		for _, c := range b.Contract {
			s[1] = strings.ReplaceAll(s[1], c[0], c[1])
		}
		s = [2]string{capital(s[0]), capital(s[1])}
		if !seen[s[0]] {
			seen[s[0]] = true
			out = append(out, s)
		}
	}
	return out, nil
}

// fill puts entries into the gaps of a pair, and into theirs.
func (b *phraseBook) fill(rng *rand.Rand, s [2]string) [2]string {
	taken := map[string]int{} // of a list: the entry before
	for _, g := range gap.FindAllStringSubmatch(s[0], -1) {
		entries := b.Lists[g[1]]
		i := rng.IntN(len(entries))
		if before, ok := taken[g[1]]; ok && i == before {
			i = (i + 1) % len(entries)
		}
		taken[g[1]] = i
		with := b.fill(rng, entries[i])
		s[0], s[1] = strings.ReplaceAll(s[0], g[0], with[0]), strings.ReplaceAll(s[1], g[0], with[1])
	}
	return s
}

// capital makes the first letter of a sentence a capital, after ¿ or ¡ too.
func capital(s string) string {
	for i, r := range s {
		if unicode.IsLetter(r) {
			return s[:i] + strings.ToUpper(string(r)) + s[i+len(string(r)):]
		}
	}
	return s
}
