package textstat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// EnglishTokens splits a text by the rules of spaCy's tokenizer for English: at
// white space; then punctuation, quotes, currency and icons come off both ends; then
// words are split at hyphens and the like; contractions are two tokens, "do" "n't".
func EnglishTokens(text string) []string {
	list := make([]string, 0, len(text)/4)
	for chunk := range strings.FieldsFuncSeq(text, isPythonSpace) {
		list = englishChunk(list, chunk)
	}
	return list
}

// englishChunk appends the tokens of a text without white space.
func englishChunk(list []string, s string) []string {
	if plainWord(s) && !mayContract(s) {
		return append(list, s)
	}
	var suffixes []string
	for s != "" {
		if parts := contraction(s); parts != nil {
			list = append(list, parts...)
			s = ""
			break
		}
		pre := prefixLen(s)
		if pre > 0 {
			if parts := contraction(s[pre:]); parts != nil || pre == len(s) {
				list = append(append(list, s[:pre]), parts...)
				s = ""
				break
			}
		}
		suf := suffixLen(s)
		switch {
		case pre > 0 && suf > 0 && pre+suf <= len(s):
			list = append(list, s[:pre])
			suffixes = append(suffixes, s[len(s)-suf:])
			s = s[pre : len(s)-suf]
		case pre > 0:
			list = append(list, s[:pre])
			s = s[pre:]
		case suf > 0:
			suffixes = append(suffixes, s[len(s)-suf:])
			s = s[:len(s)-suf]
		default:
			list = infixes(list, s)
			s = ""
		}
	}
	for i := len(suffixes) - 1; i >= 0; i-- {
		list = append(list, suffixes[i])
	}
	return list
}

// plainWord reports whether s has nothing but ASCII letters.
func plainWord(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

const (
	punctuation = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
	quotes      = "'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉"
	currencies  = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₸₹₺₼₾₿"
	hyphens     = "-–—~"
)

func isIcon(r rune) bool { return r >= 0x80 && unicode.Is(unicode.So, r) }

// prefixLen returns how many bytes come off the start.
func prefixLen(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case s[0] == '.':
		if k := len(s) - len(strings.TrimLeft(s, ".")); k >= 2 {
			return k
		}
	case r == '+':
		if len(s) == 1 || s[1] < '0' || s[1] > '9' {
			return 1
		}
	case strings.ContainsRune("§%=—–", r), strings.ContainsRune(punctuation, r), strings.ContainsRune(quotes, r), strings.ContainsRune(currencies, r), isIcon(r):
		if r == '\'' && strings.HasPrefix(s, "''") {
			return 2
		}
		return n
	}
	for _, c := range []string{"US$", "C$", "A$"} {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	return 0
}

var units = []string{"km", "km²", "km³", "m", "m²", "m³", "dm", "cm", "cm²", "cm³", "mm", "ha", "µm", "nm", "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz",
	"m/s", "km/h", "kmh", "mph", "hPa", "Pa", "mbar", "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T", "G", "M", "K", "%"}

// suffixLen returns how many bytes come off the end.
func suffixLen(s string) int {
	for _, c := range []string{"'s", "'S", "’s", "’S", "''"} {
		if strings.HasSuffix(s, c) && len(s) > len(c) {
			return len(c)
		}
	}
	if strings.HasSuffix(s, "..") {
		return len(s) - len(strings.TrimRight(s, "."))
	}
	r, n := utf8.DecodeLastRuneInString(s)
	if strings.ContainsRune("—–", r) || strings.ContainsRune(punctuation, r) || strings.ContainsRune(quotes, r) || isIcon(r) {
		return n
	}
	before, m := utf8.DecodeLastRuneInString(s[:len(s)-n])
	digit := before >= '0' && before <= '9'
	switch {
	case r == '+' && digit:
		return 1
	case r == '.' && m > 0:
		second, _ := utf8.DecodeLastRuneInString(s[:len(s)-n-m])
		if digit || unicode.IsLetter(before) && !unicode.IsUpper(before) || strings.ContainsRune("%²-+", before) || strings.ContainsRune(punctuation+quotes, before) ||
			unicode.IsUpper(before) && unicode.IsUpper(second) {
			return 1
		}
	case strings.ContainsRune(currencies, r) && digit:
		return n
	}
	longest := 0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u); ok && rest != "" && rest[len(rest)-1] >= '0' && rest[len(rest)-1] <= '9' {
			longest = max(longest, len(u))
		}
	}
	return longest
}

// infixes appends what lies between the marks inside a word, and the marks.
func infixes(list []string, s string) []string {
	if webAddress(s) {
		return append(list, s)
	}
	from := 0
	before := rune(0)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		after, _ := utf8.DecodeRuneInString(s[i+n:])
		cut := 0
		letters := unicode.IsLetter(before) && unicode.IsLetter(after)
		digits := before >= '0' && before <= '9'
		switch {
		case strings.HasPrefix(s[i:], ".."):
			cut = len(s[i:]) - len(strings.TrimLeft(s[i:], "."))
		case r == '…' || isIcon(r):
			cut = n
		case strings.HasPrefix(s[i:], "--") && (unicode.IsLetter(before) || digits):
			k := len(s[i:]) - len(strings.TrimLeft(s[i:], "-"))
			if after, _ := utf8.DecodeRuneInString(s[i+k:]); k <= 3 && unicode.IsLetter(after) {
				cut = k
			}
		case digits && strings.ContainsRune("+-*^", r) && (after >= '0' && after <= '9' || after == '-'):
			cut = n
		case r == '.' && (unicode.IsLower(before) || strings.ContainsRune(quotes, before)) && (unicode.IsUpper(after) || strings.ContainsRune(quotes, after)) && before != 0 && after != utf8.RuneError:
			cut = n
		case letters && r == ',', (letters || digits && unicode.IsLetter(after)) && strings.ContainsRune(hyphens, r):
			cut = n
		case strings.ContainsRune(":<>=/", r) && unicode.IsLetter(after) && (unicode.IsLetter(before) || digits):
			cut = n
		}
		if cut > 0 && i > 0 {
			if from < i {
				list = append(list, s[from:i])
			}
			list = append(list, s[i:i+cut])
			i += cut
			from = i
			before = 0
			continue
		}
		before = r
		i += n
	}
	if from < len(s) {
		list = append(list, s[from:])
	}
	return list
}

// webAddress reports whether s is an address of the web or of mail.
func webAddress(s string) bool {
	if strings.Contains(s, "://") {
		_, rest, _ := strings.Cut(s, "://")
		return strings.Contains(rest, ".")
	}
	host, _, _ := strings.Cut(s, "/")
	if _, domain, ok := strings.Cut(host, "@"); ok {
		host = domain
	}
	host, _, _ = strings.Cut(host, ":")
	host, _, _ = strings.Cut(host, "?")
	i := strings.LastIndexByte(host, '.')
	if i <= 0 || len(host)-i < 3 {
		return false
	}
	for _, c := range host[i+1:] {
		if !unicode.IsLower(c) {
			return false
		}
	}
	for _, c := range host[:i] {
		if !(unicode.IsLetter(c) || unicode.IsDigit(c) || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return !strings.Contains(host, "..")
}
