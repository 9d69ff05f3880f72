package extract

import (
	"strings"

	"golang.org/x/text/language"
)

// languages are the names that book headers use.
var languages = map[string]string{
	"english": "en", "spanish": "es", "español": "es", "castilian": "es", "french": "fr", "german": "de", "italian": "it",
	"portuguese": "pt", "catalan": "ca", "galician": "gl", "basque": "eu", "dutch": "nl", "latin": "la", "greek": "el",
	"finnish": "fi", "swedish": "sv", "danish": "da", "norwegian": "no", "polish": "pl", "hungarian": "hu", "czech": "cs",
	"russian": "ru", "chinese": "zh", "japanese": "ja", "esperanto": "eo", "tagalog": "tl", "welsh": "cy", "irish": "ga",
}

// LanguageCode returns the ISO 639 code of a language given by name or by a tag
// such as "en-US" or "eng", or "".
func LanguageCode(s string) string { return languageCode(s) }

// languageCode returns the ISO 639 code of a language given by name or by a
// tag such as "en-US", or "". Of several, the first counts.
func languageCode(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), ",")
	s, _, _ = strings.Cut(s, " ")
	if code, ok := languages[strings.ToLower(s)]; ok {
		return code
	}
	tag, err := language.Parse(s)
	if err != nil {
		return ""
	}
	base, confidence := tag.Base()
	if confidence == language.No {
		return ""
	}
	return base.String()
}
