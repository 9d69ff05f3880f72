package corpus

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

// LineRules removes lines that are no text: rows of symbols, counters, buttons, shouted
// and numeric lines, and boilerplate that is named (Penedo et al. 2023, arXiv
// 2306.01116, appendix G.2; FineWeb 2's symbol lines), and drops documents of which
// much was removed. 0 turns a limit off. Lines of more than max_words words stay.
type LineRules struct {
	Symbols     bool     `yaml:"symbols" doc:"Remove lines of punctuation and symbols alone."`
	Counters    bool     `yaml:"counters" doc:"Remove lines like 3 likes, 12 comments, 4.5 stars."`
	Buttons     bool     `yaml:"buttons" doc:"Remove short lines like Read more..., Sign in, items in cart."`
	MaxUpper    float64  `yaml:"max_upper" doc:"Largest share of letters that are capitals, in lines of ten letters or more."`
	MaxNumeric  float64  `yaml:"max_numeric" doc:"Largest share of characters that are digits."`
	MaxWords    int64    `yaml:"max_words" doc:"Longest line that is looked at, in words."`
	Boilerplate []string `yaml:"boilerplate" doc:"Remove lines that are one of these, whatever their case, or hold one of them if it ends in *."`
	MaxRemoved  float64  `yaml:"max_removed" doc:"Largest share of a document's words that may be removed."`
}

// NewLineRules returns the published limits.
func NewLineRules() *LineRules {
	return &LineRules{Symbols: true, Counters: true, Buttons: true, MaxUpper: .5, MaxNumeric: .999, MaxWords: 10, MaxRemoved: .05}
}

// Check finds what types cannot show.
func (s *LineRules) Check() (faults []fault.Fault) {
	for key, v := range map[string]float64{"max_upper": s.MaxUpper, "max_numeric": s.MaxNumeric, "max_removed": s.MaxRemoved} {
		if v < 0 || v > 1 {
			faults = append(faults, fault.Fault{Path: key, Err: key + " is a share and must lie between 0 and 1", Hint: "0 turns it off"})
		}
	}
	slices.SortFunc(faults, func(a, b fault.Fault) int { return strings.Compare(a.Path, b.Path) })
	return faults
}

var (
	counterLine = regexp.MustCompile(`(?i)^\W*\d[\d.,]*\s?[km]?\s*(likes?|shares?|comments?|retweets?|reposts?|quotes?|bookmarks?|upvotes?|downvotes?|downloads?|views?|followers?|stars?|votes?|replies|answers|me gusta|comentarios?|visitas|votos?|seguidores)\W*$`)
	buttonLine  = regexp.MustCompile(`(?i)^\W*(sign[ -]?(in|up)|log[ -]?in|register|subscribe( now)?|read more|continue reading|share( this)?|skip to (main )?content|back to top|add to (cart|wishlist|basket)|items? in cart|view cart|next( page)?|previous( page)?|print|menu|search|close|accept( all)?( cookies)?|leer m[áa]s|seguir leyendo|iniciar sesi[óo]n|compartir|suscr[íi]bete|volver arriba|añadir al carrito|siguiente|anterior|buscar|cerrar|aceptar( cookies)?)\W*$`)
)

// Apply removes lines.
func (s *LineRules) Apply(d *Document) (Drop, error) {
	lines := strings.Split(d.Text, "\n")
	removed, words := 0, 0
	kept := lines[:0]
	for _, line := range lines {
		n := len(strings.Fields(line))
		words += n
		if n > 0 && s.remove(line, n) {
			removed += n
			continue
		}
		kept = append(kept, line)
	}
	if share := float64(removed) / float64(max(words, 1)); s.MaxRemoved > 0 && share > s.MaxRemoved {
		return Drop{Rule: "lines.max_removed", Value: share, Limit: s.MaxRemoved}, nil
	}
	if len(kept) < len(lines) {
		d.Text = threeLineEnds.ReplaceAllString(strings.Trim(strings.Join(kept, "\n"), "\n"), "\n\n")
	}
	return Drop{}, nil
}

var threeLineEnds = regexp.MustCompile(`\n{3,}`)

// remove reports whether a line of this many words goes.
func (s *LineRules) remove(line string, words int) bool {
	if s.MaxWords > 0 && int64(words) > s.MaxWords {
		return false
	}
	line = strings.TrimSpace(line)
	letters, upper, digits, other, all := 0, 0, 0, 0, 0
	for _, r := range line {
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r):
			letters++
			if unicode.IsUpper(r) {
				upper++
			}
		case unicode.IsDigit(r):
			digits++
		case !unicode.IsSpace(r):
			other++
		}
		if !unicode.IsSpace(r) {
			all++
		}
	}
	switch {
	case s.Symbols && letters+digits == 0 && other > 0:
		return true
	case s.MaxUpper > 0 && letters >= 10 && float64(upper) > s.MaxUpper*float64(letters):
		return true
	case s.MaxNumeric > 0 && float64(digits) > s.MaxNumeric*float64(all):
		return true
	case s.Counters && digits > 0 && counterLine.MatchString(line), s.Buttons && utf8.RuneCountInString(line) < 60 && buttonLine.MatchString(line):
		return true
	}
	low := strings.ToLower(line)
	return slices.ContainsFunc(s.Boilerplate, func(b string) bool {
		b = strings.ToLower(b)
		if part, ok := strings.CutSuffix(b, "*"); ok {
			return strings.Contains(low, part)
		}
		return low == b
	})
}
