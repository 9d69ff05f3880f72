package document

import (
	"fmt"
	"regexp"
	"strings"

	"fragua/pipeline/fault"
)

var (
	tmxUnit    = regexp.MustCompile(`(?s)<tu\b[^>]*>.*?</tu>`)
	tmxVariant = regexp.MustCompile(`(?s)<tuv\b([^>]*)>.*?<seg>(.*?)</seg>.*?</tuv>`)
	tmxLang    = regexp.MustCompile(`\b(?:xml:)?lang\s*=\s*["']([^"']+)["']`)
)

// readTMX reads a translation memory: units that lack the target language get a variant in it.
func readTMX(content string, l Languages) (*Document, error) {
	if l.Source == "" || l.Target == "" {
		return nil, fault.Hintf(fmt.Errorf("a translation memory holds several languages"), "say which: --source en --target es")
	}
	d := new(Document)
	at, units := 0, 0
	for _, m := range tmxUnit.FindAllStringIndex(content, -1) {
		units++
		unit := content[m[0]:m[1]]
		source, has := "", false
		for _, v := range tmxVariant.FindAllStringSubmatch(unit, -1) {
			if lang := tmxLang.FindStringSubmatch(v[1]); lang != nil {
				has = has || SameLanguage(lang[1], l.Target)
				if SameLanguage(lang[1], l.Source) && source == "" {
					source = v[2]
				}
			}
		}
		if has || source == "" {
			continue
		}
		end := m[1] - len("</tu>")
		d.raw(content[at:end])
		d.raw(`<tuv xml:lang="` + l.Target + `"><seg>`)
		d.add(unescape(source), escape)
		d.raw("</seg></tuv>\n")
		at = end
	}
	if units == 0 {
		return nil, fmt.Errorf("there is no <tu> in it: no translation memory")
	}
	d.raw(content[at:])
	return d, nil
}

// SameLanguage compares language codes without their region: en-US is en.
func SameLanguage(a, b string) bool {
	short := func(s string) string {
		s, _, _ = strings.Cut(strings.ToLower(strings.ReplaceAll(s, "_", "-")), "-")
		return s
	}
	return short(a) == short(b)
}
