package corpus

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// BadWords drops documents with more words of a list than are allowed, by their
// language. There are small lists for en and es; longer ones, such as LDNOOBW's, are
// files with a word or phrase a line.
type BadWords struct {
	Lists    map[string]settings.Path `yaml:"lists" doc:"Files of words, by language, in place of the lists for en and es; one word or phrase a line, # begins a comment."`
	MaxWords int64                    `yaml:"max_words" doc:"Most bad words in a document; 0 allows none."`
	MaxShare float64                  `yaml:"max_share" doc:"Largest share of a document's words; 0 allows none beyond max_words."`
	Keep     float64                  `yaml:"keep" doc:"Share of the documents to keep all the same, drawn by their ids."`

	load  sync.Once
	lists map[string]*wordList
	err   error
}

// NewBadWords returns a BadWords that allows none.
func NewBadWords() *BadWords { return &BadWords{} }

// Check finds what types cannot show.
func (s *BadWords) Check() (faults []fault.Fault) {
	for key, v := range map[string]float64{"max_share": s.MaxShare, "keep": s.Keep} {
		if v < 0 || v > 1 {
			faults = append(faults, fault.Fault{Path: key, Err: key + " is a share and must lie between 0 and 1"})
		}
	}
	if s.MaxWords < 0 {
		faults = append(faults, fault.Fault{Path: "max_words", Err: "max_words cannot be negative"})
	}
	return faults
}

func (s *BadWords) files() (list []settings.Path) {
	for _, language := range slices.Sorted(maps.Keys(s.Lists)) {
		list = append(list, s.Lists[language])
	}
	return list
}

// Apply counts the words of the document's language.
func (s *BadWords) Apply(d *Document) (Drop, error) {
	s.load.Do(s.read)
	if s.err != nil {
		return Drop{}, s.err
	}
	list := s.lists[d.Language]
	if list == nil {
		return Drop{}, nil
	}
	n, first := list.count(d.Text)
	words := d.measure("").Quality().Words
	if int64(n) <= s.MaxWords || s.MaxShare > 0 && float64(n) <= s.MaxShare*float64(words) {
		return Drop{}, nil
	}
	if s.Keep > 0 && float64(draw(0, "bad_words", d.ID)>>11)/(1<<53) < s.Keep {
		return Drop{}, nil
	}
	return Drop{Rule: "bad_words.max_words", Value: float64(n), Limit: float64(s.MaxWords), Note: first}, nil
}

func (s *BadWords) read() {
	s.lists = map[string]*wordList{}
	for language, words := range badWords {
		s.lists[language] = newWordList(strings.Fields(words), language)
	}
	for language, path := range s.Lists {
		words, err := readList(path)
		if err != nil {
			s.err = err
			return
		}
		s.lists[language] = newWordList(words, language)
	}
}

// readList reads a file of one entry a line.
func readList(path settings.Path) (entries []string, err error) {
	f, err := os.Open(path.Abs)
	if err != nil {
		return nil, fault.Hintf(fmt.Errorf("%s: %w", path.Written, err), "paths start at the recipe's folder")
	}
	defer f.Close()
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			return entries, s.Err()
		}
		if line := strings.TrimSpace(s.Text()); line != "" && line[0] != '#' {
			entries = append(entries, line)
		}
	}
}

// A wordList finds words and phrases in text.
type wordList struct {
	words   map[string]bool
	longest int  // words of the longest phrase
	inside  bool // the language has no spaces: entries count anywhere
	entries []string
}

func newWordList(entries []string, language string) *wordList {
	l := &wordList{words: map[string]bool{}, inside: language == "ja" || language == "zh" || language == "th"}
	for _, e := range entries {
		e = strings.Join(strings.FieldsFunc(strings.ToLower(e), notWord), " ")
		if e != "" {
			l.words[e] = true
			l.longest = max(l.longest, strings.Count(e, " ")+1)
			l.entries = append(l.entries, e)
		}
	}
	return l
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// count returns how many entries stand in a text, and the first.
func (l *wordList) count(text string) (n int, first string) {
	text = strings.ToLower(text)
	found := func(s string) {
		if n++; n == 1 {
			first = s
		}
	}
	if l.inside {
		for _, e := range l.entries {
			for k := strings.Count(text, e); k > 0; k-- {
				found(e)
			}
		}
		return n, first
	}
	var recent []string
	for w := range strings.FieldsFuncSeq(text, notWord) {
		if recent = append(recent, w); len(recent) > l.longest {
			recent = recent[1:]
		}
		phrase := ""
		for i := len(recent) - 1; i >= 0; i-- {
			if phrase == "" {
				phrase = recent[i]
			} else {
				phrase = recent[i] + " " + phrase
			}
			if utf8.RuneCountInString(phrase) > 0 && l.words[phrase] {
				found(phrase)
			}
		}
	}
	return n, first
}

// badWords are words of pornography and abuse, written for fragua; what has a
// harmless sense as well is not among them.
var badWords = map[string]string{
	"en": `anal-sex asshole assholes bitches blowjob blowjobs bukkake bullshit clit cock-sucker cocksucker cum-shot cumshot cumshots cunt cunts cunnilingus deepthroat
		dickhead dildo dildos faggot faggots fellatio fuck fucked fucker fuckers fucking gangbang gangbangs handjob handjobs hardcore-porn hentai horny jizz masturbate
		masturbating milf milfs motherfucker motherfuckers motherfucking nigger niggers nympho orgies orgy porn porno pornography pornstar pussies pussy rimjob shemale
		shitty slut sluts slutty threesome tits titties twat vibrator wank wanker whore whores xxx`,
	"es": `cabrón cabrones cabronazo chingada chingar chupapollas coño coños culazo desvirgar encular follada follando folladora gilipollas guarra guarras hijoputa
		hijueputa hostiaputa joder jodido jodida lamecoños maricón maricones mamada mamadas masturbarse masturbándose mierda orgía orgías paja-rusa pajillero pendejo
		pendejos petarda-porno polla pollas pornografía porno puta putas putada puto putos putón tetazas tetonas verga zorras xxx`,
}
