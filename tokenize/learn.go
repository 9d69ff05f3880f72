package tokenize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// Learn is the stage `tokenizer`: it learns byte-level BPE from documents. Its
// fields are its settings, and NewLearn sets the defaults. Files learns with the
// same settings from files, outside a run.
type Learn struct {
	VocabSize      int           `yaml:"vocab_size" doc:"Tokens in all: special ones, 256 bytes, and merges. 0: chosen by the number of sentence pairs, or by the bytes of text."`
	Pattern        string        `yaml:"pattern" doc:"How text is cut before merging: gpt2, cl100k, llama3, qwen, o200k, or a regular expression."`
	Unit           Unit          `yaml:"unit" doc:"What is cut at once: a line with its ending, or a whole document."`
	Ties           Ties          `yaml:"ties" doc:"Order of ids that decides between equally frequent pairs: hf as Hugging Face, bytes as tiktoken."`
	MinFrequency   int           `yaml:"min_frequency" doc:"A pair that occurs less often is not merged."`
	MaxTokenLength int           `yaml:"max_token_length" doc:"Tokens stay shorter than this many bytes, except those of two. 0: no limit."`
	Special        []string      `yaml:"special" doc:"Special tokens; each has an id and never comes from text."`
	MaxWords       int           `yaml:"max_words" doc:"Distinct words that a task passes on; beyond it the rarest are dropped, and counted. 0: no limit."`
	Extend         settings.Path `yaml:"extend" doc:"A tokenizer.json of byte-level BPE whose merges are kept before more are learned."`
}

// Unit says what is cut into pieces at once. A pattern looks at most one white
// space run ahead, so the two differ only in how line ends are joined.
type Unit string

const (
	UnitLine Unit = "line" // as Hugging Face learns from files
	UnitDoc  Unit = "doc"  // as it learns from an iterator, and as documents are encoded later
)

// Values implements settings.Enum.
func (Unit) Values() []string { return []string{string(UnitLine), string(UnitDoc)} }

// Ties names the order of the first 256 ids. Between equally frequent pairs the
// one of smaller ids is merged first, so the order shows in the merges.
type Ties string

const (
	TiesHF    Ties = "hf"    // special tokens first, bytes by their character in the file: '!' is the first
	TiesBytes Ties = "bytes" // bytes by value, special tokens last: as tiktoken's files are
)

// Values implements settings.Enum.
func (Ties) Values() []string { return []string{string(TiesHF), string(TiesBytes)} }

// NewLearn returns the stage with its defaults.
func NewLearn() *Learn {
	return &Learn{
		VocabSize: 32768,
		Pattern:   "gpt2",
		Unit:      UnitDoc,
		Ties:      TiesHF,
		Special:   []string{EndOfText, "<|pad|>", "<|translate|>", "<|user|>", "<|assistant|>"},
		MaxWords:  4 << 20,
	}
}

// Check implements settings.Checker.
func (l *Learn) Check() []fault.Fault {
	var faults []fault.Fault
	add := func(path, hint, format string, args ...any) {
		faults = append(faults, fault.Fault{Path: path, Err: fmt.Sprintf(format, args...), Hint: hint})
	}
	if least := 256 + len(l.Special); l.VocabSize != 0 && l.VocabSize < least || l.VocabSize > maxID {
		add("vocab_size", fmt.Sprintf("at least %d (256 bytes and %d special tokens), at most %d", least, len(l.Special), maxID), "vocab_size is %d", l.VocabSize)
	}
	if _, _, err := PatternOf(l.Pattern); err != nil {
		var hint *fault.Hint
		errors.As(err, &hint)
		add("pattern", hint.Fix, "%v", err)
	}
	if !slices.Contains(Unit("").Values(), string(l.Unit)) {
		add("unit", "line or doc", "unit is %q", l.Unit)
	}
	if !slices.Contains(Ties("").Values(), string(l.Ties)) {
		add("ties", "hf or bytes", "ties is %q", l.Ties)
	}
	if l.MinFrequency < 0 {
		add("min_frequency", "0 merges whatever occurs", "min_frequency is %d", l.MinFrequency)
	}
	if l.MaxTokenLength < 0 || l.MaxTokenLength == 1 {
		add("max_token_length", "0 sets no limit", "max_token_length is %d", l.MaxTokenLength)
	}
	if l.MaxWords < 0 {
		add("max_words", "0 sets no limit", "max_words is %d", l.MaxWords)
	}
	seen := map[string]bool{}
	for i, s := range l.Special {
		path := fmt.Sprintf("special[%d]", i)
		switch {
		case s == "":
			add(path, "", "a special token is empty")
		case seen[s]:
			add(path, "", "special token %q stands there twice", s)
		case len(s) == 1:
			add(path, "a special token has two bytes or more", "special token %q is a byte of its own", s)
		}
		seen[s] = true
	}
	if !seen[EndOfText] {
		add("special", "add it: every document ends in it", "%s is missing", EndOfText)
	}
	return faults
}

// A Trained vocabulary holds all merges learned; tokenizers of its size and of
// every smaller one come out of it, since the merges of a smaller vocabulary
// are the first ones of a larger.
type Trained struct {
	Merges   int      // how many were learned
	Counts   []int64  // by merge: how often its pair occurred when it was merged
	Words    int      // distinct pieces
	Pieces   int64    // pieces in all
	Bytes    int64    // in all pieces
	Pruned   int64    // distinct words forgotten to save memory; unless 0 the merges may differ from Hugging Face's
	PrunedN  int64    // how often these occurred
	Warnings []string // what the reader should know

	learn  *Learn
	tokens []string // by id, as bytes; special tokens empty in it
	merges [][2]int32
	first  int32 // id of the first byte
}

// train learns from counted words. It tells progress, which may be nil, how many
// tokens there are.
func (l *Learn) train(ctx context.Context, w *words, progress func(tokens int)) (*Trained, error) {
	if len(w.text) > math.MaxInt32/3 {
		return nil, fault.Hintf(fmt.Errorf("the distinct words are %d bytes long in all, more than %d", len(w.text), math.MaxInt32/3), "lower max_words")
	}
	tr := &Trained{learn: l, Words: len(w.n)}
	for i, n := range w.n {
		tr.Pieces += n
		tr.Bytes += n * int64(len(w.at(i)))
	}
	tokens, ofByte, merges, err := l.begin()
	if err != nil {
		return nil, err
	}
	tr.first = ofByte[0]
	size := l.VocabSize
	if l.Ties == TiesBytes {
		size -= len(l.Special) // they come last
	}
	// In natural text the last merge occurs two or three times as often as this.
	minCount := max(int64(l.MinFrequency), tr.Pieces/(32*int64(max(size-len(tokens), 1))))
	if len(merges) > 0 {
		minCount = 1
	}
	t := newTrainer(w, tokens, ofByte, l.MaxTokenLength, minCount, len(merges) > 0)
	for _, m := range merges {
		t.repeat(m)
	}
	t.entries = nil
	for len(t.tokens) < size {
		top, ok := t.next(int64(l.MinFrequency))
		if !ok {
			break
		}
		t.merge(top)
		if len(t.tokens)%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if progress != nil {
				progress(len(t.tokens))
			}
		}
	}
	tr.tokens, tr.merges, tr.Counts, tr.Merges = t.tokens, t.merges, t.counts, len(t.merges)
	if n := size - len(t.tokens); n > 0 {
		tr.Warnings = append(tr.Warnings, fmt.Sprintf("the text ran out of pairs: the vocabulary has %d tokens, %d fewer than asked for", l.VocabSize-n, n))
	}
	return tr, nil
}

// begin returns the tokens that exist before anything is learned, by id, which
// of them each byte is, and the merges to repeat.
func (l *Learn) begin() (tokens []string, ofByte *[256]int32, merges [][2]string, err error) {
	ofByte = new([256]int32)
	order := make([]int, 256)
	for b := range order {
		order[b] = b
	}
	if l.Ties == TiesHF {
		slices.SortFunc(order, func(a, b int) int { return int(byteRune[a] - byteRune[b]) })
		tokens = append(tokens, l.Special...)
	}
	for _, b := range order {
		ofByte[b] = int32(len(tokens))
		tokens = append(tokens, string([]byte{byte(b)}))
	}
	if l.Extend.Abs != "" {
		merges, err = mergesOf(l.Extend.Abs)
	}
	return tokens, ofByte, merges, err
}

// repeat carries out a merge learned before, whether or not it would come next.
func (t *trainer) repeat(m [2]string) {
	left, ok1 := t.ids[m[0]]
	right, ok2 := t.ids[m[1]]
	if !ok1 || !ok2 {
		return
	}
	key := pairOf(left, right)
	e := t.entries[key] // none if the pair does not occur
	delete(t.entries, key)
	e.key, e.count = key, 0
	if n := t.pairs.find(key); n != nil {
		e.count = *n
	}
	t.merge(e)
}

// Tokenizer returns the tokenizer with the first merges that make a vocabulary
// of at most size tokens; 0 means all.
func (tr *Trained) Tokenizer(size int) (*Tokenizer, error) {
	l := tr.learn
	m := jsonBPE{Type: "BPE", Vocab: jsonVocab{}}
	special := func(i int, first int32) AddedToken {
		return AddedToken{ID: first + int32(i), Content: l.Special[i], Special: true}
	}
	if size == 0 {
		size = l.VocabSize
	}
	limit := size
	begin := 256
	if l.Ties == TiesHF {
		begin += len(l.Special)
	} else {
		limit -= len(l.Special)
	}
	if limit < begin {
		return nil, fault.Hintf(fmt.Errorf("a vocabulary of %d tokens is too small", size), "at least %d: 256 bytes and %d special tokens", 256+len(l.Special), len(l.Special))
	}
	name := func(id int32) string {
		if l.Ties == TiesHF && int(id) < len(l.Special) {
			return tr.tokens[id]
		}
		return writeBytes(tr.tokens[id])
	}
	limit = min(limit, len(tr.tokens))
	for id := range limit {
		m.Vocab[name(int32(id))] = int32(id)
	}
	seen := map[[2]int32]int{}
	for i, p := range tr.merges {
		seen[p] = i
	}
	for i, p := range tr.merges {
		whole := name(p[0]) + name(p[1])
		if _, ok := m.Vocab[whole]; !ok || int(p[0]) >= limit || int(p[1]) >= limit {
			break // the first merge whose result has no place: all that follow were learned after it
		}
		if seen[p] == i { // of two equal merges the later counts
			m.Merges = append(m.Merges, [2]string{name(p[0]), name(p[1])})
		}
	}
	var added []AddedToken
	first := int32(0)
	if l.Ties == TiesBytes {
		first = int32(limit)
	}
	for i := range l.Special {
		added = append(added, special(i, first))
	}
	if l.Ties == TiesBytes {
		for _, a := range added {
			m.Vocab[a.Content] = a.ID
		}
	}
	return newByteLevel(m, l.Pattern, added)
}

// Words learns from pieces that are counted already: how often each occurs.
func (l *Learn) Words(ctx context.Context, counts map[string]int64) (*Trained, error) {
	if faults := l.Check(); len(faults) > 0 {
		return nil, fault.Hintf(&fault.UsageError{Err: errors.New(faults[0].Err)}, "%s", faults[0].Hint)
	}
	c := newWordCounter()
	for word, n := range counts {
		if n > 0 {
			c.addWord(word, n)
		}
	}
	return l.train(ctx, c.words(), nil)
}
