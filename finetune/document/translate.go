package document

import (
	"context"
	"regexp"
	"strings"
)

// A Translator translates sentences, many at a time.
type Translator func(ctx context.Context, sentences []string) ([]string, error)

// A Glossary says how terms are to be translated. A term counts where it stands as whole words,
// in any case.
type Glossary [][2]string

// kept is what stays as it is in every translation: placeholders of printf, Python, brace formats
// and shells, escapes as source files have them, tags and entities, addresses. $30 is money, and
// what stands between ` and ' is quoted and no code.
var kept = regexp.MustCompile(`%(?:\([A-Za-z_]\w*\))?[-+#0]*\d*(?:\$[-+#0]*\d*)?(?:\.\d+)?(?:hh|h|ll|l|z|j|t|L)?[diouxXeEfFgGcrsap%]` +
	`|\{\{?[A-Za-z0-9_.:!]*\}?\}|\$\{\w+\}|\$[A-Za-z_]\w*` + "|`(?:[^`']|'[^`']*')+`" +
	`|\\[ntr"\\]|<code[^<>]*>[^<]*</code>|</?\pL[^<>]*>|&(?:#?\w+);` +
	`|\]\([^)\s]*(?:\s+"[^"]*")?\)|https?://[^\s<>"')\]]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+`)

// Translate translates texts sentence by sentence. Each has what must be found in its translation:
// placeholders, markup, and the glossary's translations of its terms. Where the model loses one
// of them, what stands between them is translated by itself, and they stay where they were: the
// sentence may be clumsier, but nothing is missing.
func Translate(ctx context.Context, texts []string, g Glossary, translate Translator) ([]string, error) {
	type sentence struct{ text, atom int } // index of the text; of its sentence
	parts, gaps := make([][]string, len(texts)), make([][]string, len(texts))
	var ask []string
	var from []sentence
	for i, t := range texts {
		parts[i], gaps[i] = Sentences(t)
		for k, s := range parts[i] {
			if hasLetter(s) {
				ask, from = append(ask, s), append(from, sentence{i, k})
			}
		}
	}
	got, err := translate(ctx, ask)
	if err != nil {
		return nil, err
	}
	// Second round: what lies between, where something was lost.
	var again []string
	type repair struct {
		sentence
		atoms []atom
	}
	var repairs []repair
	for n, s := range from {
		atoms := takeApart(ask[n], g)
		if whole(atoms, ask[n], got[n]) {
			parts[s.text][s.atom] = got[n]
			continue
		}
		repairs = append(repairs, repair{s, atoms})
		for _, a := range atoms {
			if !a.fixed && hasLetter(a.text) {
				again = append(again, strings.TrimSpace(a.text))
			}
		}
	}
	if len(again) > 0 {
		if got, err = translate(ctx, again); err != nil {
			return nil, err
		}
	}
	for _, r := range repairs {
		var b strings.Builder
		for _, a := range r.atoms {
			if a.fixed || !hasLetter(a.text) {
				b.WriteString(a.text)
				continue
			}
			inner := strings.TrimSpace(a.text)
			at := strings.Index(a.text, inner)
			b.WriteString(a.text[:at] + got[0] + a.text[at+len(inner):])
			got = got[1:]
		}
		parts[r.text][r.atom] = b.String()
	}
	out := make([]string, len(texts))
	for i := range texts {
		var b strings.Builder
		for k, s := range parts[i] {
			b.WriteString(s + gaps[i][k])
		}
		out[i] = b.String()
	}
	return out, nil
}

// An atom is a part of a sentence: words to translate, or what stands fixed in the translation.
type atom struct {
	text  string
	fixed bool
	term  bool // of the glossary
}

// takeApart cuts a sentence at what is kept and at the glossary's terms.
func takeApart(s string, g Glossary) []atom {
	atoms := cut([]atom{{text: s}}, kept, func(m string) atom { return atom{m, true, false} })
	for _, term := range g {
		re := regexp.MustCompile(`(?i)` + boundary(term[0], `^\w`) + regexp.QuoteMeta(term[0]) + boundary(term[0], `\w$`))
		atoms = cut(atoms, re, func(string) atom { return atom{term[1], true, true} })
	}
	return atoms
}

// boundary is a word boundary where the term has a letter or digit of ASCII at that end.
func boundary(term, end string) string {
	if regexp.MustCompile(end).MatchString(term) {
		return `\b`
	}
	return ""
}

func cut(atoms []atom, re *regexp.Regexp, fix func(string) atom) (out []atom) {
	for _, a := range atoms {
		if a.fixed {
			out = append(out, a)
			continue
		}
		at := 0
		for _, m := range re.FindAllStringIndex(a.text, -1) {
			if m[0] > at {
				out = append(out, atom{text: a.text[at:m[0]]})
			}
			out = append(out, fix(a.text[m[0]:m[1]]))
			at = m[1]
		}
		if at < len(a.text) {
			out = append(out, atom{text: a.text[at:]})
		}
	}
	return out
}

// whole reports whether a translation has all that is fixed: what is kept just as often as the
// source, and nothing of the kind beside it.
func whole(atoms []atom, source, translated string) bool {
	want := map[string]int{}
	for _, a := range atoms {
		switch {
		case a.term:
			if !strings.Contains(strings.ToLower(translated), strings.ToLower(a.text)) {
				return false
			}
		case a.fixed:
			want[a.text]++
		}
	}
	for _, m := range kept.FindAllString(translated, -1) {
		want[m]--
	}
	for _, n := range want {
		if n != 0 {
			return false
		}
	}
	return true
}
