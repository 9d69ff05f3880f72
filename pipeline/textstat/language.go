package textstat

import (
	"strings"
	"unicode/utf8"

	"github.com/abadojack/whatlanggo"
)

// LanguageSample is how many bytes of a text Language looks at: thirds from its
// start, middle and end. The detector reads 1 MB/s.
const LanguageSample = 3 << 10

// Language returns the language of a text, as an ISO 639-1 code where there is
// one and ISO 639-3 otherwise, and how sure that is, 0 to 1. among, if not empty,
// names the only codes to choose from. A text without letters,
// or between two languages, has language "".
func Language(text string, among ...string) (code string, score float64) {
	options := whatlanggo.Options{}
	for _, a := range among {
		if lang, ok := languageOf(a); ok {
			if options.Whitelist == nil {
				options.Whitelist = map[whatlanggo.Lang]bool{}
			}
			options.Whitelist[lang] = true
		}
	}
	info := whatlanggo.DetectWithOptions(sample(text), options)
	// Between two languages at the same distance the library answers either, by
	// the order of a map, and confidence 0: that is no answer.
	if info.Script == nil || info.Lang < 0 || info.Confidence == 0 {
		return "", 0
	}
	return languageName(info.Lang), info.Confidence
}

// KnownLanguage reports whether Language can return the code.
func KnownLanguage(code string) bool {
	_, ok := languageOf(code)
	return ok
}

func languageOf(code string) (whatlanggo.Lang, bool) {
	for lang := range whatlanggo.Langs {
		if lang.Iso6391() == code || lang.Iso6393() == code {
			return lang, code != ""
		}
	}
	return 0, false
}

func languageName(lang whatlanggo.Lang) string {
	if code := lang.Iso6391(); code != "" {
		return code
	}
	return lang.Iso6393()
}

// sample takes three pieces of a long text, at the edges of words.
func sample(text string) string {
	if len(text) <= LanguageSample {
		return text
	}
	const piece = LanguageSample / 3
	var s strings.Builder
	for _, from := range []int{0, (len(text) - piece) / 2, len(text) - piece} {
		part := text[from : from+piece]
		for part != "" && !utf8.RuneStart(part[0]) {
			part = part[1:]
		}
		if from > 0 {
			if _, rest, ok := strings.Cut(part, " "); ok {
				part = rest
			}
		}
		if from+piece < len(text) {
			if i := strings.LastIndexByte(part, ' '); i > 0 {
				part = part[:i]
			}
		}
		s.WriteString(part)
		s.WriteByte('\n')
	}
	return strings.ToValidUTF8(s.String(), "")
}
