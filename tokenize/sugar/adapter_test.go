package sugar

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sugarme/tokenizer"
	theirs "github.com/sugarme/tokenizer/model/bpe"
	"github.com/sugarme/tokenizer/pretokenizer"

	"fragua/tokenize"
)

const text = `The smith's forge glows. "Don't touch it," she said; 1234 sparks fell at 17:05.
El herrero golpeó el hierro — ¡cuánto ruido! — y la niña se rió.
鍛冶屋が鉄を打つ。 Кузнец куёт железо. the hammer, the anvil, the tongs, the fire, the water
`

func cut(t *testing.T, p *tokenize.Pattern, text string) []string {
	t.Helper()
	pieces, err := p.Pieces(text)
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

func encoded(t *testing.T, tok *tokenize.Tokenizer, text string) []int32 {
	t.Helper()
	ids, err := tok.AppendIDs(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func differences(t *testing.T, ours *tokenize.Tokenizer, theirs *tokenizer.Tokenizer, texts []string) []Difference {
	t.Helper()
	out, err := Compare(ours, theirs, texts)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func learn(t *testing.T, pattern string) *tokenize.Tokenizer {
	t.Helper()
	p, _, err := tokenize.PatternOf(pattern)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]int64{}
	for _, piece := range cut(t, p, text) {
		words[piece] += 3
	}
	l := tokenize.NewLearn()
	l.VocabSize, l.Pattern = 380, pattern
	tr, err := l.Words(t.Context(), words)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tr.Tokenizer(0)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// A sugarme pipeline with our parts gives our ids and the text back.
func TestPipelineWithOurParts(t *testing.T) {
	for _, pattern := range tokenize.PatternNames() {
		tok := learn(t, pattern)
		pipeline := tokenizer.NewTokenizer(NewModel(tok))
		pipeline.WithPreTokenizer(NewPreTokenizer(tok.Pattern()))
		pipeline.WithDecoder(NewDecoder(tok))
		texts := append(strings.SplitAfter(text, "\n"), text, "foo\n\nbar", "a   b", "x\r\ny", "don't", "é", " ")
		for _, d := range differences(t, tok, pipeline, texts) {
			if d.Text != "" {
				t.Errorf("%s: %q: %v through the pipeline, want %v; %v", pattern, d.Text, d.Theirs, d.Ours, d.Err)
			}
		}
		e, err := pipeline.EncodeSingle(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := pipeline.Decode(e.Ids, true); got != text {
			t.Errorf("%s: decoded %q", pattern, got)
		}
	}
}

func TestModel(t *testing.T) {
	tok := learn(t, "gpt2")
	m := NewModel(tok)
	tokens, err := m.Tokenize(" forge")
	if err != nil || len(tokens) == 0 || tokens[len(tokens)-1].Offsets[1] != len(" forge") {
		t.Errorf("%v, %v", tokens, err)
	}
	vocab := m.GetVocab()
	if len(vocab) != 380 || m.GetVocabSize() != 380 {
		t.Errorf("%d tokens", len(vocab))
	}
	for token, id := range vocab {
		if s, ok := m.IdToToken(id); !ok || s != token {
			t.Errorf("%d is %q, want %q", id, s, token)
		}
		if n, ok := m.TokenToId(token); !ok || n != id {
			t.Errorf("%q is %d, want %d", token, n, id)
		}
	}
	if _, ok := m.IdToToken(-1); ok {
		t.Error("-1 is a token")
	}
	dir := t.TempDir()
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := tokenize.Load(filepath.Join(dir, "tokenizer.json"))
	if err != nil || !slices.Equal(encoded(t, again, text), encoded(t, tok, text)) {
		t.Errorf("saved and loaded again it encodes differently; %v", err)
	}
}

func TestTrainer(t *testing.T) {
	l := tokenize.NewLearn()
	l.VocabSize = 300
	tr := NewTrainer(l)
	words := map[string]int{}
	p, _, _ := tokenize.PatternOf("gpt2")
	tr.ProcessTokens(words, cut(t, p, text))
	m, special := tr.Train(words)
	if tr.Err != nil || m.GetVocabSize() != 300 || len(special) != len(l.Special) {
		t.Errorf("%d tokens, %d special, %v", m.GetVocabSize(), len(special), tr.Err)
	}
	l.VocabSize = 3
	if m, _ := tr.Train(words); m != nil || tr.Err == nil {
		t.Error("three tokens: no error")
	}
}

// What keeps sugarme's own parts out of our results. If one of these fails, a
// new version has repaired something, and the package comment should say so.
func TestWhereSugarmeDiffers(t *testing.T) {
	tok := learn(t, "gpt2")
	pipeline := tokenizer.NewTokenizer(NewModel(tok))
	level := pretokenizer.NewByteLevel()
	level.AddPrefixSpace = false

	pieces := func(text string) (out []string, err error) {
		defer guard(&err)
		cut, err := level.PreTokenize(tokenizer.NewPreTokenizedString(text))
		if err != nil {
			return nil, err
		}
		for _, s := range cut.GetSplits(0, tokenizer.Byte) {
			out = append(out, s.Value)
		}
		return out, nil
	}
	p, _, _ := tokenize.PatternOf("gpt2")
	got, err := pieces("foo\n\nbar")
	if want := cut(t, p, "foo\n\nbar"); err != nil || len(want) != 4 || len(got) == len(want) {
		t.Errorf("ByteLevel cuts \"foo\\n\\nbar\" into %q now; ours %q; %v", got, want, err)
	}
	if _, err := pieces("\xff"); err == nil {
		t.Error("ByteLevel takes invalid UTF-8 now")
	}
	pipeline.WithPreTokenizer(level)
	if d := differences(t, tok, pipeline, []string{"foo\n\nbar"}); len(d) != 1 {
		t.Error("with ByteLevel it gives our ids now")
	}
}

// Its trainer does not learn the merges that the counts ask for, nor the same
// ones twice: it settles ties by the clock.
func TestWhereSugarmesTrainerDiffers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	words, counts := map[string]int{}, map[string]int64{}
	for i := range 3000 {
		w := make([]byte, 2+r.IntN(8))
		for k := range w {
			w[k] = "etaoinshrdlu"[min(r.IntN(12), r.IntN(12))]
		}
		words[string(w)] += 1 + 3000/(i+1)
	}
	for w, n := range words {
		counts[w] = int64(n)
	}
	const merges = 100
	l := tokenize.NewLearn()
	l.VocabSize = 256 + len(l.Special) + merges
	tr, err := l.Words(t.Context(), counts)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tr.Tokenizer(0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for token := range NewModel(tok).GetVocab() {
		want[token] = len(token) > 1
	}
	trainer := theirs.NewBpeTrainer(0, 12+merges)
	trainer.ShowProgress = false
	var m tokenizer.Model
	func() {
		defer guard(&err)
		m, _ = trainer.Train(words)
	}()
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for token := range m.GetVocab() {
		if want[token] {
			same++
		}
	}
	t.Logf("%d of the %d tokens that the counts ask for", same, merges)
	if same >= merges {
		t.Error("it learns the right tokens now")
	}
}
