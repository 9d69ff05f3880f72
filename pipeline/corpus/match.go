package corpus

import (
	"net/url"
	"strings"

	"github.com/zeebo/xxh3"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/minhash"
)

// matches is THE table of what can make two documents the same: what `match` of dedup may name.
var matches = map[string]func() any{
	"text":      func() any { return new(sameText) },
	"words":     func() any { return new(sameWords) },
	"url":       func() any { return new(sameURL) },
	"book":      func() any { return new(sameBook) },
	"similar":   func() any { return NewSimilar() },
	"contained": func() any { return NewContained() },

	"paragraphs": func() any { return NewParagraphs() },
	"lines":      func() any { return NewLines() },
	"substrings": func() any { return NewSubstrings() },
}

// A match is an entry of the table.
type match interface {
	check(*Dedup) []fault.Fault
	phases(*Dedup) []pipeline.Phase
}

// A MatchChoice is a match and its settings.
type MatchChoice struct {
	name  string
	match match
}

// Variants returns the table of matches.
func (c *MatchChoice) Variants() map[string]func() any { return matches }

// Choose takes an entry of the table.
func (c *MatchChoice) Choose(name string, settings any) { c.name, c.match = name, settings.(match) }

// Chosen returns what was chosen.
func (c *MatchChoice) Chosen() (string, any) { return c.name, c.match }

// A comparer is a match of whole documents.
type comparer interface {
	match
	// keys adds the keys of a document: equal ones of exact records are a proof, others make candidates.
	keys(s *signer, d *Document, add func(keyRecord))
	// expect tells about how many keys this many documents with this many words have.
	expect(docs, words int64) int64
	// note says in the rejects how a document matches another one.
	note(id string, similarity float64) string
	// limit is the similarity from which documents match.
	limit() float64
}

// exact marks keys that are a proof by their lowest bit; those of candidates lack it.
func exact(k minhash.Key) minhash.Key  { k.High |= 1; return k }
func hinted(k minhash.Key) minhash.Key { k.High &^= 1; return k }

// exactMatch is what matches by one key have in common.
type exactMatch struct{}

func (exactMatch) check(*Dedup) []fault.Fault       { return nil }
func (exactMatch) phases(s *Dedup) []pipeline.Phase { return s.clusterPhases(false) }
func (exactMatch) limit() float64                   { return 1 }
func (exactMatch) expect(docs, _ int64) int64       { return docs }

func stringKey(s string) minhash.Key {
	h := xxh3.HashString128(s)
	return exact(minhash.Key{High: h.Hi, Low: h.Lo})
}

// sameText matches the same characters.
type sameText struct{ exactMatch }

func (sameText) keys(s *signer, d *Document, add func(keyRecord)) {
	add(keyRecord{Key: stringKey(d.Text), Order: s.order(d, int(d.Words))})
}
func (sameText) note(id string, _ float64) string { return "same text as document " + id }

// sameWords matches the same words, whatever the case, accents, punctuation and spaces. A text without words matches
// by its characters.
type sameWords struct{ exactMatch }

func (sameWords) keys(s *signer, d *Document, add func(keyRecord)) {
	s.scanner.Read(d.Text)
	add(keyRecord{Key: s.wordsKey(d.Text), Order: s.order(d, s.scanner.Words)})
}
func (sameWords) note(id string, _ float64) string { return "same words as document " + id }

// wordsKey is the key of the text that was just scanned.
func (s *signer) wordsKey(text string) minhash.Key {
	if s.scanner.Words == 0 {
		return stringKey(text)
	}
	return exact(s.scanner.Print)
}

// sameURL matches the same address: scheme, www., default port, fragment, a slash at the end and the parameters by
// which campaigns are told apart do not count. Documents without one match none.
type sameURL struct{ exactMatch }

func (sameURL) keys(s *signer, d *Document, add func(keyRecord)) {
	if u := normalURL(d.URL); u != "" {
		add(keyRecord{Key: stringKey(u), Order: s.order(d, int(d.Words))})
	}
}
func (sameURL) note(id string, _ float64) string { return "same address as document " + id }

// normalURL returns what two spellings of an address have in common; "" for none.
func normalURL(address string) string {
	address = strings.TrimSpace(address)
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	if port := u.Port(); port != "" && port != "80" && port != "443" {
		host += ":" + port
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	q := u.Query()
	for name := range q {
		if strings.HasPrefix(name, "utm_") || name == "fbclid" || name == "gclid" {
			q.Del(name)
		}
	}
	if len(q) > 0 {
		path += "?" + q.Encode() // sorted by name
	}
	return host + path
}

// sameBook matches editions: the same title, up to its first mark, by an author of the same last name, in one language.
// All chapters of the edition that stays stay; a document without a title and an author matches none.
type sameBook struct{ exactMatch }

func (sameBook) check(s *Dedup) []fault.Fault {
	if s.Keep == SurvivorLongest {
		return missing("keep", "match: book does not know how long whole books are", "keep: newest")
	}
	return nil
}

func (sameBook) keys(s *signer, d *Document, add func(keyRecord)) {
	if key := editionKey(d); key != "" {
		add(keyRecord{Key: stringKey(key), Order: s.order(d, 0), Extra: uint32(xxh3.HashString(d.Source+"\x00"+d.Path)) | 1})
	}
}
func (sameBook) note(id string, _ float64) string { return "same book as document " + id }

// editionKey returns what editions of one work have in common: language, title and last name; "" if unknown.
func editionKey(d *Document) string {
	title, author := d.Title, d.Author
	if i := strings.IndexAny(title, ":;,([./—"); i > 0 {
		title = title[:i]
	}
	for _, or := range []string{" or ", " o "} { // Frankenstein or the Modern Prometheus
		if i := strings.Index(title, or); i > 0 {
			title = title[:i]
		}
	}
	last, _, ok := strings.Cut(author, ",")
	if !ok {
		words := strings.Fields(author)
		last = ""
		if len(words) > 0 {
			last = words[len(words)-1]
		}
	}
	words := strings.Join(foldedWords(title), " ")
	name := strings.Join(foldedWords(last), " ")
	if words == "" || name == "" {
		return ""
	}
	return d.Language + "\x00" + words + "\x00" + name
}
