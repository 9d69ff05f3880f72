package tokenize

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Piece is an id and the part of the text that it stands for.
type Piece struct {
	ID   int32  `json:"id"`
	Text string `json:"text"` // bytes, not always UTF-8 by themselves
}

// Pieces encodes a text and returns each id with its bytes.
func (t *Tokenizer) Pieces(text string, special bool) ([]Piece, error) {
	encode := t.AppendIDs
	if special {
		encode = t.AppendIDsSpecial
	}
	ids, err := encode(nil, text)
	if err != nil {
		return nil, err
	}
	out := make([]Piece, 0, len(ids))
	for _, id := range ids {
		s := t.tokens[id]
		if !t.special[id] {
			s = t.textOf(id)
		}
		out = append(out, Piece{id, s})
	}
	return out, nil
}

// textOf returns the text of an id.
func (t *Tokenizer) textOf(id int32) string {
	return string(t.bytes.append(nil, []int32{id}))
}

// A TokenUse is a token and how often a text used it.
type TokenUse struct {
	ID    int32  `json:"id"`
	Token string `json:"token"` // its text; a special token as it is written
	N     int64  `json:"n"`
}

// An Efficiency says how well a tokenizer fits a text.
type Efficiency struct {
	Documents     int64   `json:"documents"`
	Bytes         int64   `json:"bytes"`
	Words         int64   `json:"words"` // between white space
	Tokens        int64   `json:"tokens"`
	BytesPerToken float64 `json:"bytes_per_token"`
	Fertility     float64 `json:"fertility"` // tokens per word
}

func (e *Efficiency) add(text string, tokens int) {
	e.Documents++
	e.Bytes += int64(len(text))
	e.Words += int64(len(strings.FieldsFunc(text, unicode.IsSpace)))
	e.Tokens += int64(tokens)
	if e.Tokens > 0 {
		e.BytesPerToken = float64(e.Bytes) / float64(e.Tokens)
	}
	if e.Words > 0 {
		e.Fertility = float64(e.Tokens) / float64(e.Words)
	}
}

// An Inspection shows a tokenizer, by itself and at work on texts.
type Inspection struct {
	Vocabulary int                    `json:"vocabulary"`
	Special    []AddedToken           `json:"special"`
	Pattern    string                 `json:"pattern"` // "" where text is cut in other ways
	Lengths    []int                  `json:"lengths"` // tokens by bytes: Lengths[n] have n; the last counts all longer ones
	Longest    []TokenUse             `json:"longest"`
	All        Efficiency             `json:"all"`
	Languages  map[string]*Efficiency `json:"languages,omitempty"`
	Frequent   []TokenUse             `json:"frequent,omitempty"`
	Rare       []TokenUse             `json:"rare,omitempty"` // used, but least of all
	Unused     int                    `json:"unused"`
	// Undertrained are tokens that the text never used although it used a longer
	// one that was made of them: they exist only as a step, and a model would
	// hardly see them (Land and Bartolo 2024, section 3.1).
	Undertrained []TokenUse `json:"undertrained,omitempty"`
	Warnings     []string   `json:"warnings,omitempty"`
}

const lengthsShown = 32

// An Inspector gathers an Inspection.
type Inspector struct {
	t   *Tokenizer
	use []int64
	in  Inspection
	ids []int32
}

// NewInspector begins an inspection.
func NewInspector(t *Tokenizer) *Inspector {
	return &Inspector{t: t, use: make([]int64, t.VocabSize()), in: Inspection{Languages: map[string]*Efficiency{}}}
}

// Add encodes a text, whose language may be "".
func (p *Inspector) Add(text, language string) (err error) {
	if p.ids, err = p.t.AppendIDs(p.ids[:0], text); err != nil {
		return err
	}
	for _, id := range p.ids {
		p.use[id]++
	}
	p.in.All.add(text, len(p.ids))
	if language != "" {
		if p.in.Languages[language] == nil {
			p.in.Languages[language] = new(Efficiency)
		}
		p.in.Languages[language].add(text, len(p.ids))
	}
	return nil
}

// Inspection returns what was found, with at most n tokens in each list.
func (p *Inspector) Inspection(n int) Inspection {
	t, in := p.t, p.in
	in.Warnings = t.Warnings()
	if pattern := t.Pattern(); pattern != nil {
		in.Pattern = pattern.Name
	}
	in.Lengths = make([]int, lengthsShown+1)
	var all []TokenUse
	for id := range t.tokens {
		if _, ok := t.Token(int32(id)); !ok {
			continue
		}
		in.Vocabulary++
		if t.special[id] {
			continue
		}
		token := t.textOf(int32(id))
		in.Lengths[min(len(token), lengthsShown)]++
		all = append(all, TokenUse{int32(id), token, p.use[id]})
	}
	for _, a := range t.added {
		if a.Special {
			in.Special = append(in.Special, a)
		}
	}
	first := func(less func(a, b TokenUse) int) []TokenUse {
		slices.SortStableFunc(all, less)
		return slices.Clone(all[:min(n, len(all))])
	}
	in.Longest = first(func(a, b TokenUse) int { return len(b.Token) - len(a.Token) })
	if in.All.Documents == 0 {
		return in
	}
	in.Frequent = first(func(a, b TokenUse) int { return cmp.Compare(b.N, a.N) })
	used := all[:0:0]
	for _, u := range all {
		if u.N > 0 {
			used = append(used, u)
		}
	}
	in.Unused = len(all) - len(used)
	slices.SortStableFunc(used, func(a, b TokenUse) int { return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.ID, b.ID)) })
	in.Rare = slices.Clone(used[:min(n, len(used))])
	if b, ok := t.model.(*bpe); ok {
		step := map[int32]int64{} // unused part → how often the most used whole was used
		for r := range b.pairs.rules() {
			for _, part := range []int32{r.left, r.right} {
				if p.use[part] == 0 && p.use[r.id] > 0 {
					step[part] = max(step[part], p.use[r.id])
				}
			}
		}
		for id := range step {
			in.Undertrained = append(in.Undertrained, TokenUse{id, t.textOf(id), 0})
		}
		slices.SortFunc(in.Undertrained, func(a, b TokenUse) int {
			return cmp.Or(cmp.Compare(step[b.ID], step[a.ID]), cmp.Compare(a.ID, b.ID))
		})
		in.Undertrained = in.Undertrained[:min(n, len(in.Undertrained))]
	}
	return in
}

// A Compared is one tokenizer's row of a comparison.
type Compared struct {
	Name       string                 `json:"name"`
	Vocabulary int                    `json:"vocabulary"`
	All        Efficiency             `json:"all"`
	Languages  map[string]*Efficiency `json:"languages,omitempty"`
}

// A Comparer sets tokenizers side by side on the same texts.
type Comparer struct {
	toks []*Tokenizer
	rows []Compared
	ids  []int32
}

// Put adds a tokenizer under a name, before the first text.
func (c *Comparer) Put(name string, t *Tokenizer) {
	c.toks = append(c.toks, t)
	c.rows = append(c.rows, Compared{Name: name, Vocabulary: t.VocabSize(), Languages: map[string]*Efficiency{}})
}

// Add encodes a text with each of them; its language may be "".
func (c *Comparer) Add(text, language string) (err error) {
	for i, t := range c.toks {
		row := &c.rows[i]
		if c.ids, err = t.AppendIDs(c.ids[:0], text); err != nil {
			return fmt.Errorf("%s: %w", row.Name, err)
		}
		row.All.add(text, len(c.ids))
		if language != "" {
			if row.Languages[language] == nil {
				row.Languages[language] = new(Efficiency)
			}
			row.Languages[language].add(text, len(c.ids))
		}
	}
	return nil
}

// Rows returns the comparison, in the order of Put.
func (c *Comparer) Rows() []Compared { return c.rows }
