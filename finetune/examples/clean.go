package examples

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/finetune/document"
	"fragua/pipeline/fault"
	"fragua/pipeline/textstat"
)

// Pairs says which pairs of sentences are good enough to learn from; lengths
// are words between spaces, as Moses' clean-corpus-n counts them.
type Pairs struct {
	MinWords      int        `yaml:"min_words" doc:"Fewest words of a side."`
	MaxWords      int        `yaml:"max_words" doc:"Most words of a side; 0: any."`
	MaxRatio      float64    `yaml:"max_ratio" doc:"The longer side may have this many times the words of the shorter; 0: any."`
	DropIdentical bool       `yaml:"drop_identical" doc:"Leave out pairs whose target is the source: they teach copying."`
	OnePerSource  bool       `yaml:"one_per_source" doc:"Of several translations of a sentence keep the first, or with score the best."`
	OnePerTarget  bool       `yaml:"one_per_target" doc:"Of several sentences with one translation keep the first, or with score the best."`
	Alphabet      float64    `yaml:"alphabet" doc:"Least share of letters among the visible characters of a side: 0.5 drops tables and codes; 0: any."`
	Numbers       bool       `yaml:"numbers" doc:"Leave out pairs whose numbers differ; 1,234.5 and 1.234,5 are one number."`
	Placeholders  bool       `yaml:"placeholders" doc:"Leave out pairs whose placeholders, tags or addresses differ."`
	SourceIs      string     `yaml:"source_language" doc:"Leave out pairs whose source is in another language than this one; short phrases and those of no sure language stay."`
	TargetIs      string     `yaml:"target_language" doc:"The same for the target."`
	Score         bool       `yaml:"score" doc:"Score how well the words of both sides explain each other (IBM model 1, both ways), as column score."`
	Directions    Directions `yaml:"directions" doc:"Write each pair both ways, with a tag before each source, so that one model translates both."`
	MinScore      float64    `yaml:"min_score" doc:"Leave out pairs of a lower score, which is 0 or less; 0: none."`
}

// languageWords is how many words a side needs for its language to be judged: shorter phrases
// are named wrongly too often.
const languageWords = 6

// faults finds settings that do not go together.
func (p Pairs) faults() (f []fault.Fault) {
	add := func(path, err, hint string) { f = append(f, fault.Fault{Path: "pairs." + path, Err: err, Hint: hint}) }
	for _, d := range p.Directions.faults() {
		add(d.Path, d.Err, d.Hint)
	}
	if p.Alphabet < 0 || p.Alphabet > 1 {
		add("alphabet", fmt.Sprintf("%v is not a share", p.Alphabet), "0.5 is usual")
	}
	for path, code := range map[string]string{"source_language": p.SourceIs, "target_language": p.TargetIs} {
		if code != "" && !textstat.KnownLanguage(code) {
			add(path, fmt.Sprintf("%q is no language that can be told", code), "a code such as en or es")
		}
	}
	if p.MinScore > 0 {
		add("min_score", "scores are 0 or less", "-6 drops what is hardly a translation")
	}
	if p.MinScore < 0 && !p.Score {
		add("min_score", "there are no scores", "score: true")
	}
	return f
}

// A verdict is why a row does not become an example; the zero verdict keeps it.
type verdict struct {
	rule, value, limit string
	failed             error
}

// Tidy trims a text and gives its lines Unix ends.
func Tidy(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.TrimSpace(s)
}

// readable refuses bytes that are no text, and text that was damaged before.
func readable(s string) verdict {
	if err := checkUTF8(s); err != nil {
		return verdict{failed: err}
	}
	if n := strings.Count(s, string(utf8.RuneError)); n > 0 {
		return verdict{rule: "damaged", value: fmt.Sprintf("%d replacement characters", n), limit: "0"}
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return verdict{failed: fmt.Errorf("a zero byte at %d: not a text", i)}
	}
	return verdict{}
}

// check applies the rules to one pair.
func (p Pairs) check(source, target string) verdict {
	a, b := len(strings.Fields(source)), len(strings.Fields(target))
	short, long := min(a, b), max(a, b)
	switch {
	case short < p.MinWords:
		return verdict{rule: "min_words", value: strconv.Itoa(short), limit: strconv.Itoa(p.MinWords)}
	case p.MaxWords > 0 && long > p.MaxWords:
		return verdict{rule: "max_words", value: strconv.Itoa(long), limit: strconv.Itoa(p.MaxWords)}
	case p.MaxRatio > 0 && float64(long) > p.MaxRatio*float64(short):
		return verdict{rule: "max_ratio", value: fmt.Sprintf("%d to %d words", a, b), limit: strconv.FormatFloat(p.MaxRatio, 'g', -1, 64)}
	case p.DropIdentical && source == target:
		return verdict{rule: "identical"}
	}
	if p.Placeholders {
		if odd := difference(placeholders(source), placeholders(target)); odd != "" {
			return verdict{rule: "placeholders", value: odd}
		}
	}
	source, target = document.Plain(source), document.Plain(target)
	if p.Alphabet > 0 {
		if share := min(letterShare(source), letterShare(target)); share < p.Alphabet {
			return verdict{rule: "alphabet", value: fmt.Sprintf("%.2f", share), limit: strconv.FormatFloat(p.Alphabet, 'g', -1, 64)}
		}
	}
	if p.Numbers {
		if odd, same := sameNumbers(source, target); !same {
			return verdict{rule: "numbers", value: odd}
		}
	}
	if v := otherLanguage("source_language", source, p.SourceIs); v.rule != "" {
		return v
	}
	return otherLanguage("target_language", target, p.TargetIs)
}

// usage is a word in angle brackets that stands for what a person types, as in `git switch <branch>`.
var usage = regexp.MustCompile(`^<[^/<>="]+>$`)

// placeholders are what a translation must have, too. Of <branch> without a </branch> only that
// there is one: it is translated.
func placeholders(text string) []string {
	all := document.Kept(text)
	for i, s := range all {
		if usage.MatchString(s) && !slices.Contains(all, "</"+s[1:]) {
			all[i] = "<…>"
		}
	}
	return all
}

// fewLetters is how few visible characters are too few for their share of letters to tell anything:
// "It's 3:10." is a sentence.
const fewLetters = 15

// letterShare is the share of letters among the characters that are no white space; 1 where these
// are few and there is a letter among them.
func letterShare(s string) float64 {
	letters, visible := 0, 0
	for _, r := range s {
		if !unicode.IsSpace(r) {
			visible++
		}
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			letters++
		}
	}
	if letters > 0 && visible < fewLetters {
		return 1
	}
	return float64(letters) / float64(max(visible, 1))
}

// difference is what one list has and the other has not, or "".
func difference(a, b []string) string {
	b = slices.Clone(b)
	var alone []string
	for _, s := range a {
		if i := slices.Index(b, s); i >= 0 {
			b = slices.Delete(b, i, i+1)
		} else {
			alone = append(alone, s)
		}
	}
	if len(alone)+len(b) == 0 {
		return ""
	}
	return fmt.Sprintf("%s | %s", strings.Join(alone, " "), strings.Join(b, " "))
}

// otherLanguage drops a side that is surely in another language.
func otherLanguage(rule, text, want string) verdict {
	if want == "" || len(strings.Fields(text)) < languageWords {
		return verdict{}
	}
	code, score := textstat.Language(text)
	if code == "" || code == want || score < sureLanguage {
		return verdict{}
	}
	if c, sure := textstat.Language(text, want, code); c != code || sure < surerThanWanted {
		return verdict{} // Spanish is easily taken for Galician or Asturian
	}
	return verdict{rule: rule, value: fmt.Sprintf("%s %.2f", code, score), limit: want}
}

// sureLanguage is how probable another language must be among all, and surerThanWanted beside the
// wanted one alone.
const (
	sureLanguage    = 0.8
	surerThanWanted = 0.98
)

// canonical writes whole numbers one way, so that 4, 4.0 and " 4" are one label.
func canonical(label string) string {
	label = strings.TrimSpace(label)
	if whole, zeros, ok := strings.Cut(label, "."); ok && strings.Trim(zeros, "0") == "" {
		if _, err := strconv.Atoi(whole); err == nil {
			return whole
		}
	}
	return label
}

// Number reads a label that is a number.
func Number(label string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(label), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fault.Hintf(fmt.Errorf("label %q is no number", label), "numbers are written 4 or 4.5; drop names values to leave out")
	}
	return v, nil
}
