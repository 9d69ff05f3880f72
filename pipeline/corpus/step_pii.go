package corpus

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"fragua/pipeline/fault"
)

// PII finds what leads to a person: e-mail addresses, public IP addresses, phone
// numbers, cards and IBANs, the last two by their check digits. It masks them, or
// drops documents that have too many.
type PII struct {
	Kinds []PIIKind `yaml:"kinds" doc:"What to look for."`
	Mask  bool      `yaml:"mask" doc:"Put <email>, <ip>, <phone>, <card>, <iban> in their place."`
	Max   int64     `yaml:"max" doc:"Most of them in a document, above which it is dropped; 0 turns it off."`
}

// A PIIKind is a kind of what leads to a person.
type PIIKind string

// Values lists the kinds.
func (PIIKind) Values() []string { return []string{"email", "ip", "phone", "card", "iban"} }

// NewPII returns a PII that masks all kinds.
func NewPII() *PII {
	s := &PII{Mask: true}
	for _, k := range PIIKind("").Values() {
		s.Kinds = append(s.Kinds, PIIKind(k))
	}
	return s
}

// Check finds what types cannot show.
func (s *PII) Check() (faults []fault.Fault) {
	if !s.Mask && s.Max == 0 {
		faults = append(faults, fault.Fault{Path: "mask", Err: "pii neither masks nor drops", Hint: "mask: true, or max: 5"})
	}
	if s.Max < 0 {
		faults = append(faults, fault.Fault{Path: "max", Err: "max cannot be negative", Hint: "0 turns it off"})
	}
	return faults
}

// A piiRule finds candidates of a kind, and says which are what they look like.
type piiRule struct {
	kind    PIIKind
	pattern *regexp.Regexp
	valid   func(string) bool
}

// piiRules is THE table of kinds, in the order in which they are looked for: an IBAN
// holds digits that look like a phone number.
var piiRules = []piiRule{
	{"email", regexp.MustCompile(`[\p{L}0-9._%+'-]*[\p{L}0-9_%+'-]@(?:[\p{L}0-9](?:[\p{L}0-9-]*[\p{L}0-9])?\.)+[\p{L}]{2,24}`), func(string) bool { return true }},
	{"iban", regexp.MustCompile(`\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?\b`), validIBAN},
	{"card", regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`), validCard},
	{"ip", regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}\b|\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}`), publicIP},
	{"phone", regexp.MustCompile(`(?:\+|\b00)\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}\b|\(\d{3}\) ?\d{3}[ .-]\d{4}\b|\b\d{3}[.-]\d{3}[.-]\d{4}\b|\b[6789]\d{2}[ .-]?\d{3}[ .-]?\d{3}\b|\b[6789]\d{2}(?: \d{2}){3}\b`), validPhone},
}

// Apply masks or drops.
func (s *PII) Apply(d *Document) (Drop, error) {
	text := d.Text
	found := map[PIIKind]int{}
	total := int64(0)
	for _, rule := range piiRules {
		if !s.wants(rule.kind) || !possible(rule.kind, text) {
			continue
		}
		text = rule.pattern.ReplaceAllStringFunc(text, func(m string) string {
			if !rule.valid(m) {
				return m
			}
			found[rule.kind]++
			total++
			return "<" + string(rule.kind) + ">"
		})
	}
	if s.Max > 0 && total > s.Max {
		var note []string
		for _, rule := range piiRules {
			if n := found[rule.kind]; n > 0 {
				note = append(note, fmt.Sprintf("%s %d", rule.kind, n))
			}
		}
		return Drop{Rule: "pii.max", Value: float64(total), Limit: float64(s.Max), Note: strings.Join(note, ", ")}, nil
	}
	if s.Mask {
		d.Text = text
	}
	return Drop{}, nil
}

func (s *PII) wants(kind PIIKind) bool {
	for _, k := range s.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// possible spares the search of texts that cannot hold the kind.
func possible(kind PIIKind, text string) bool {
	if kind == "email" {
		return strings.IndexByte(text, '@') >= 0
	}
	return strings.ContainsAny(text, "0123456789") || kind == "ip" && strings.Contains(text, "::")
}

// validIBAN reports whether the check digits are right (ISO 13616, modulo 97).
func validIBAN(s string) bool {
	s = strings.NewReplacer(" ", "", "-", "").Replace(s)
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	n := 0
	for _, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			n = (n*10 + int(c-'0')) % 97
		default:
			n = (n*100 + int(c-'A') + 10) % 97
		}
	}
	return n == 1
}

// validCard reports whether the check digit is right (ISO/IEC 7812, Luhn).
func validCard(s string) bool {
	sum, digits, double, same := 0, 0, false, true
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] < '0' || s[i] > '9' {
			continue
		}
		n := int(s[i] - '0')
		same = same && s[i] == s[len(s)-1]
		if double {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
		double = !double
		digits++
	}
	return digits >= 13 && digits <= 19 && sum%10 == 0 && !same && s[0] >= '2' && s[0] <= '6'
}

// publicIP reports whether an address is one of the public internet.
func publicIP(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.IsGlobalUnicast() && !a.IsPrivate() && !documentation(a)
}

// documentation reports whether an address is reserved for examples (RFC 5737, 3849).
func documentation(a netip.Addr) bool {
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "100.64.0.0/10"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}

// validPhone reports whether there are as many digits as numbers have (ITU-T E.164).
func validPhone(s string) bool {
	digits := 0
	for _, c := range s {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits >= 9 && digits <= 15
}
