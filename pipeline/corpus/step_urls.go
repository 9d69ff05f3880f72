package corpus

import (
	"fmt"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// URLs drops documents by their address: hosts and addresses of a block list, and
// words in the address, as datatrove's URL filter. A document without an address is
// kept.
type URLs struct {
	Domains   settings.Path `yaml:"domains" doc:"A file of domains and hosts to drop, one a line; subdomains of a domain go with it."`
	Addresses settings.Path `yaml:"addresses" doc:"A file of whole addresses to drop, one a line."`
	Words     []string      `yaml:"words" doc:"Drop addresses with one of these words, between characters that are no letters or digits."`
	SoftWords []string      `yaml:"soft_words" doc:"Drop addresses with at least two of these."`
	Parts     []string      `yaml:"parts" doc:"Drop addresses that have one of these anywhere, other characters aside."`
	Allow     settings.Path `yaml:"allow" doc:"A file of domains to keep whatever the rest says."`

	load                      sync.Once
	err                       error
	domains, addresses, allow map[string]bool
}

// NewURLs returns a URLs without lists.
func NewURLs() *URLs { return &URLs{} }

// Check finds what types cannot show.
func (s *URLs) Check() []fault.Fault {
	if s.Domains.Written == "" && s.Addresses.Written == "" && len(s.Words)+len(s.SoftWords)+len(s.Parts) == 0 {
		return missing("domains", "urls drops nothing", `domains: "blocked.txt"`)
	}
	return nil
}

func (s *URLs) files() (list []settings.Path) {
	for _, p := range []settings.Path{s.Domains, s.Addresses, s.Allow} {
		if p.Written != "" {
			list = append(list, p)
		}
	}
	return list
}

func (s *URLs) read() {
	set := func(path settings.Path) map[string]bool {
		all := map[string]bool{}
		if path.Written == "" || s.err != nil {
			return all
		}
		list, err := readList(path)
		if err != nil {
			s.err = err
		}
		for _, e := range list {
			all[strings.TrimPrefix(strings.ToLower(e), "www.")] = true
		}
		return all
	}
	s.domains, s.allow, s.addresses = set(s.Domains), set(s.Allow), set(s.Addresses)
}

// Apply looks at the address.
func (s *URLs) Apply(d *Document) (Drop, error) {
	s.load.Do(s.read)
	if s.err != nil || d.URL == "" {
		return Drop{}, s.err
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return Drop{Rule: "urls.invalid", Note: fmt.Sprintf("%.200s", d.URL)}, nil
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	if matchDomain(s.allow, host) != "" {
		return Drop{}, nil
	}
	if domain := matchDomain(s.domains, host); domain != "" {
		return Drop{Rule: "urls.domains", Value: 1, Note: domain}, nil
	}
	if address := strings.ToLower(d.URL); s.addresses[address] {
		return Drop{Rule: "urls.addresses", Value: 1, Note: address}, nil
	}
	words := map[string]bool{}
	for w := range strings.FieldsFuncSeq(strings.ToLower(d.URL), notASCIIWord) {
		words[w] = true
	}
	for _, w := range s.Words {
		if words[strings.ToLower(w)] {
			return Drop{Rule: "urls.words", Value: 1, Note: w}, nil
		}
	}
	soft := 0
	for _, w := range s.SoftWords {
		if words[strings.ToLower(w)] {
			soft++
		}
	}
	if soft >= 2 {
		return Drop{Rule: "urls.soft_words", Value: float64(soft), Limit: 1}, nil
	}
	joined := strings.Join(strings.FieldsFunc(strings.ToLower(d.URL), notASCIIWord), "")
	for _, p := range s.Parts {
		if strings.Contains(joined, strings.ToLower(p)) {
			return Drop{Rule: "urls.parts", Value: 1, Note: p}, nil
		}
	}
	return Drop{}, nil
}

func notASCIIWord(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }

// matchDomain returns the entry that a host is, or lies under; an entry that is a
// public suffix, such as co.uk, matches itself alone.
func matchDomain(domains map[string]bool, host string) string {
	if len(domains) == 0 {
		return ""
	}
	for part := host; part != ""; {
		if domains[part] {
			if suffix, _ := publicsuffix.PublicSuffix(part); suffix != part || part == host {
				return part
			}
		}
		_, rest, ok := strings.Cut(part, ".")
		if !ok {
			break
		}
		part = rest
	}
	return ""
}
