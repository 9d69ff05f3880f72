package extract

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A heading is a block that opens a chapter or a part.
type heading struct {
	block int
	level level
	label string // kind and number, to find the same heading in a table of contents
	title string
	value int  // its number, or 0
	named bool // words after the numeral: "VII. The Adventure of …"
	alone bool // a word without a number: "Epilogue"
}

type level uint8

const (
	part     level = iota // holds chapters
	chapter               // by name: "Chapter II", "Letter the Fourth"
	numbered              // by a bare numeral
	titled                // by a title alone
)

const (
	roman   = `(?:[MDCLXVI]+)`
	digits  = `(?:\d{1,3})`
	english = `(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine|` +
		`first|second|third|fourth|fifth|sixth|seventh|eighth|ninth))?|` +
		`(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|` +
		`(?:twen|thir|for|fif)tieth|last|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen))`
	spanishUnit = `(?:primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|sext[oa]|s[ée]pti?m[oa]|octav[oa]|noven[oa]|non[oa])`
	spanish     = `(?:(?:d[ée]cim[oa]|vig[ée]sim[oa]|trig[ée]sim[oa]|cuadrag[ée]sim[oa]|quincuag[ée]sim[oa])(?:[\s-]?` + spanishUnit + `)?|` +
		spanishUnit + `|decimo(?:primer|segund|tercer|cuart|quint|sext|s[ée]ptim|octav|noven)[oa]|` +
		`und[ée]cim[oa]|duod[ée]cim[oa]|[úu]ltim[oa]|[úu]nic[oa]|` +
		`(?:veinti|treinta\s+y\s+|cuarenta\s+y\s+|cincuenta\s+y\s+)(?:un[oa]?|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)|veinte|treinta|cuarenta|cincuenta|` +
		`un[oa]|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|diecis[ée]is|diecisiete|dieciocho|diecinueve)`
	// French, German, Italian, Portuguese and Catalan: up to twenty, as words.
	others = `(?:premi(?:er|[èe]re)|(?:deux|trois|quatr|cinqu|six|sept|huit|neuv|dix|onz|douz|treiz|quatorz|quinz|seiz|vingt)i[èe]me|dernier|` +
		`(?:erst|zweit|dritt|viert|f[üu]nft|sechst|siebent|siebt|acht|neunt|zehnt|elft|zw[öo]lft|dreizehnt|vierzehnt|f[üu]nfzehnt|sechzehnt|siebzehnt|achtzehnt|neunzehnt|zwanzigst|letzt)e[srn]?|` +
		`(?:prim|second|terz|quart|quint|sest|settim|ottav|non|decim|undicesim|dodicesim|tredicesim|primeir|terceir|s[ée]tim|oitav|segon|tercer|cinqu|sis|set|vuit)[oaeè]|primer|tercer)`
	number = `(?:(?:the\s+|el\s+|la\s+|n[.º°]\s*)?(?:(?-i:` + roman + `)|[ivxlc]{1,7}$|` + digits + `|` + english + `|` + spanish + `|` + others + `))`
	// What may stand around a number: "—I—", "- I -", "[2]", "*III.*".
	open = `^[#*_\s\[(~·.=<>«"—–-]*`
	tail = `(?:\s*$|\s*[.:,;)\]º°ª*_~-]|\s*[—–-]|\s{2,}|\s+[\p{Lu}¿¡«“"'(~])`
	// Behind a number that comes first only a title may follow.
	close = `[\s.:*_#\])~·=»"—–-]*(?:$|[.:]\s*[—–-]*\s*(?-i:[\p{Lu}¿¡«“]).{0,80}$)`

	partWord    = `(?:book|part|volume|vol\.|libro|parte|tomo|volumen|act|acto|jornada|[ée]poca|phase|livre|partie|tome|teil|buch|band|atto|parte|part|llibre|livro|akt|acte)`
	chapterWord = `(?:chapter|chap|cap[íi]tulo|cap|letter|carta|adventure|stave|stage|tratado|scene|escena|canto|section|secci[óo]n|cuadro|epistle|ep[íi]stola|chapitre|lettre|sc[èe]ne|chant|kapitel|gesang|szene|capitolo|lettera|scena|cap[íi]tol|hoofdstuk|rozdzia[łl]|kapitola|kapittel|глава)`
	ordinals    = `(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|last|` +
		spanishUnit + `|d[ée]cim[oa]|[úu]ltim[oa]|` + others + `)`
)

var (
	partHead = regexp.MustCompile(`(?i)` + open + `(` + partWord + `[.,]?\s+` + number + `)` + tail)
	// The number first: "THE FIRST ACT", "Tercera parte".
	partLast    = regexp.MustCompile(`(?i)` + open + `((?:the\s+|la\s+|el\s+)?` + ordinals + `\s+` + partWord + `)` + close)
	chapterHead = regexp.MustCompile(`(?i)` + open + `(` + chapterWord + `[.,]?\s+(?:` + number + tail + `|` + digits + `(?-i:\p{Lu})))`)
	// What a list of contents on one line has again and again.
	chapterNames = regexp.MustCompile(`(?i)\b` + chapterWord + `[.,]?\s+(?:(?-i:` + roman + `)|` + digits + `)\b`)
	chapterLast  = regexp.MustCompile(`(?i)` + open + `((?:the\s+|my\s+|la\s+|el\s+)?` + ordinals + `\s+` + chapterWord + `)` + close)
	namedHead    = regexp.MustCompile(`(?i)` + open + `((?:author['’]?s['’]?\s+)?(?:preface|foreword|prologue|prelude|epilogue|introduction|introductory|conclusion|afterword|appendix|postscript|l['’]envoi|envoi|finale|interlude|` +
		`pr[óo]logo|prefacio|proemio|ep[íi]logo|introducci[óo]n|conclusi[óo]n|advertencia|ap[ée]ndice|dedicatoria|post[ -]?scriptum|al\s+lector|final|desenlace))` +
		`(?:[.:*_#\]\s—–-]*$|[.:]\s*[—–-]*\s*(?-i:\p{Lu}).{0,200}$)`)
	numeralHead = regexp.MustCompile(open + `(` + roman + `|` + digits + `)(?:[\s.:)\]*_#~·=»"—–ºª°-]*$|([\s.:)\]*_~—–-]+)([\p{Lu}¿¡«“"‘'(].*))`)
)

// headingWord is what one of the first three words of a heading is.
var headingWord = regexp.MustCompile(`(?i)^(?:` + partWord + `|` + chapterWord + `|(?:author['’]?s|preface|foreword|prologue|prelude|epilogue|introduct|conclusi|afterword|appendix|postscript|l['’]envoi|envoi|finale|interlude|` +
	`pr[óo]logo|prefacio|proemio|ep[íi]logo|introducci|advertencia|ap[ée]ndice|dedicatoria|post|al$|final|desenlace))`)

// mayBeHeading is a quick look at a line, so that prose is not matched six times.
func mayBeHeading(line string) bool {
	line = strings.TrimLeft(line, " \t#*_[(~·.=<>«\"—–-")
	for range 3 {
		word, rest, _ := strings.Cut(line, " ")
		if word == "" {
			return false
		}
		if c := word[0]; c >= '0' && c <= '9' || strings.IndexByte("MDCLXVI", c) >= 0 && (len(word) == 1 || strings.IndexByte("MDCLXVI.:)]-*_~=", word[1]) >= 0 || word[1] >= 0x80) {
			return true
		}
		if headingWord.MatchString(word) {
			return true
		}
		line = strings.TrimLeft(rest, " ")
	}
	return false
}

var romanSigns = strings.NewReplacer("Ⅰ", "I", "Ⅱ", "II", "Ⅲ", "III", "Ⅳ", "IV", "Ⅴ", "V", "Ⅵ", "VI", "Ⅶ", "VII", "Ⅷ", "VIII", "Ⅸ", "IX", "Ⅹ", "X", "Ⅺ", "XI", "Ⅻ", "XII", "Ⅼ", "L", "Ⅽ", "C")

// parseHeading reads the first line of a block as a heading with a name or number.
func parseHeading(line string) (heading, bool) {
	if len(line) > longHeading {
		return heading{}, false
	}
	if strings.Contains(line, "\xe2\x85") { // numerals that are one character: "Ⅳ"
		line = romanSigns.Replace(line)
	}
	if !mayBeHeading(line) {
		return heading{}, false
	}
	for _, p := range []struct {
		re    *regexp.Regexp
		level level
	}{{partHead, part}, {partLast, part}, {chapterHead, chapter}, {chapterLast, chapter}} {
		if m := p.re.FindStringSubmatch(line); m != nil {
			return heading{level: p.level, label: strings.Trim(fold(m[1]), " .,:;—–-*_)]"), value: lastNumber(m[1])}, true
		}
	}
	if m := namedHead.FindStringSubmatch(line); m != nil && !unicode.IsLower(firstLetter(m[1])) {
		return heading{level: chapter, label: fold(m[1]), alone: true}, true
	}
	if m := numeralHead.FindStringSubmatch(line); m != nil {
		// "I—I hope so" stutters, and "V Vera" needs a sign between number and title.
		stutter := strings.HasPrefix(m[3], m[1]) || m[3] != "" && strings.ContainsAny(line[:1], "\"«<")
		if v := numeral(m[1]); v > 0 && !stutter && (m[3] == "" || len(m[2]) > 1 || strings.TrimSpace(m[2]) != "") {
			return heading{level: numbered, label: m[1], value: v, named: m[3] != ""}, true
		}
	}
	return heading{}, false
}

func firstLetter(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

func fold(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// lastNumber is the value of the number in a label: of "Chapter XIV" or "the first part".
func lastNumber(label string) int {
	words := strings.FieldsFunc(label, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i := len(words) - 1; i >= 0; i-- {
		if v := numeral(words[i]); v > 0 {
			return v
		}
	}
	return 0
}

// numeral returns the value of a Roman or Arabic numeral, or 0.
func numeral(s string) int {
	if c, _ := utf8.DecodeRuneInString(s); c >= '0' && c <= '9' {
		n := 0
		for _, c := range s {
			if c < '0' || c > '9' {
				return 0
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	values := map[byte]int{'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
	total := 0
	for i := range len(s) {
		v := values[s[i]]
		if v == 0 {
			return 0
		}
		if i+1 < len(s) && v < values[s[i+1]] {
			v = -v
		}
		total += v
	}
	if total > 0 && total < 400 && (toRoman(total) == s || toRoman(total) == strings.Replace(s, "IIII", "IV", 1) || toRoman(total) == strings.Replace(s, "VIIII", "IX", 1)) {
		return total
	}
	return 0
}

func toRoman(n int) string {
	var s strings.Builder
	for _, d := range []struct {
		v int
		s string
	}{{100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; n >= d.v; n -= d.v {
			s.WriteString(d.s)
		}
	}
	return s.String()
}
