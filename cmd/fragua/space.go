package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model"
	"fragua/model/embed"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// A space gives texts vectors: words, phrases, sentences or whole documents.
type space struct {
	name   string // what the vectors are, for the reader
	vector func(text string) ([]float32, error)
	labels []string // the words among which neighbours are looked for; nil: there are none
	among  *model.Space
}

// A neighbor is a label and its cosine with a query.
type neighbor struct {
	label  string
	cosine float64
}

var spaceFlags = []cli.Flag{
	&cli.StringFlag{Name: "model", Usage: "`FOLDER` of word vectors (use: embeddings), of a language model or of an encoder such as MiniLM", Required: true},
	&cli.StringFlag{Name: "from", Usage: "of a language model, embedding: the mean of its tokens' embeddings; or states: the mean of its last states (default: embedding; an encoder has states only)"},
	noVerifyFlag,
}

// openSpace opens what --model names.
func openSpace(c *cli.Context) (*space, error) {
	name, from := c.String("model"), c.String("from")
	if from != "" && from != "embedding" && from != "states" {
		return nil, usage("--from: there is no %q, only embedding and states", from)
	}
	if embed.Is(name) {
		if from != "" {
			return nil, usage("--from is of language models, and %s holds word vectors", name)
		}
		if err := verifyModel(c, name); err != nil {
			return nil, err
		}
		return wordSpace(name, c.App.ErrWriter)
	}
	dir, err := modelDir(c.Context, name)
	if err != nil {
		return nil, err
	}
	if err := verifyModel(c, dir); err != nil {
		return nil, err
	}
	m, err := model.Open(dir)
	if err != nil {
		return nil, err
	}
	if _, reads := m.(model.Seq2Seq); reads {
		return nil, fault.Hintf(fmt.Errorf("%s reads one text and writes another: it has no vector of a text", name), "give word vectors, a language model or an encoder")
	}
	tok, err := tokenize.Load(dir)
	if err != nil {
		return nil, err
	}
	if tok.VocabSize() > m.Vocab() {
		return nil, fmt.Errorf("%s: the tokenizer has %d ids, the model only %d", dir, tok.VocabSize(), m.Vocab())
	}
	if _, ok := m.(model.LanguageModel); ok && from != "states" {
		return tokenSpace(name, m, tok), nil
	}
	if from == "embedding" {
		return nil, usage("%s is an encoder, whose states are its vectors: leave out --from", name)
	}
	return stateSpace(name, dir, m, tok)
}

// wordSpace is that of a stage of embeddings. What has no vector is told to notes.
func wordSpace(dir string, notes io.Writer) (*space, error) {
	v, err := embed.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &space{name: fmt.Sprintf("%s: word vectors of the corpus (mutual information, SVD), %d words of %d numbers", dir, len(v.Words), v.Width), labels: v.Words}
	s.among = model.NewPlainSpace(v.Rows, v.Width)
	s.vector = func(text string) ([]float32, error) {
		x, unknown, err := v.Text(text)
		if err == nil && len(unknown) > 0 {
			fmt.Fprintf(notes, "note: without a vector: %s\n", strings.Join(unknown, " "))
		}
		return x, err
	}
	return s, nil
}

// tokenSpace is the input embedding of a language model; a text is the mean of its tokens.
func tokenSpace(name string, m model.Model, tok *tokenize.Tokenizer) *space {
	table := m.Params()[0] // the embedding of ids comes first in every architecture
	among := model.NewSpace(table.Data[:tok.VocabSize()*m.Width()], m.Width())
	s := &space{name: fmt.Sprintf("%s: the model's own embedding, %d tokens of %d numbers", name, tok.VocabSize(), m.Width()), among: among}
	for id := range tok.VocabSize() {
		s.labels = append(s.labels, strings.TrimSpace(tok.Decode([]int32{int32(id)})))
	}
	s.vector = func(text string) ([]float32, error) {
		ids, err := tok.AppendIDs(nil, " "+text)
		if err == nil && len(ids) == 0 {
			err = fmt.Errorf("%q has no tokens", text)
		}
		if err != nil {
			return nil, err
		}
		return among.Vector(ids), nil
	}
	return s
}

// stateSpace is what a model makes of a text: its last states, pooled as the folder says or else
// their mean. A text that is longer than the model's context is read in parts.
func stateSpace(name, dir string, m model.Model, tok *tokenize.Tokenizer) (*space, error) {
	pooling := model.Pooling{Mode: "mean", Normalize: true}
	if isDir(dir) {
		if p, ok, err := model.OpenPooling(dir); err != nil {
			return nil, err
		} else if ok {
			pooling = p
		}
	}
	longest := m.Context()
	if pooling.Longest > 0 {
		longest = min(longest, pooling.Longest)
	}
	longest -= len(tok.WithTemplate(nil)) // the ids that stand around a text
	s := &space{name: fmt.Sprintf("%s: the model's states (%s), %d numbers", name, pooling.Mode, m.Width())}
	s.vector = func(text string) ([]float32, error) {
		ids, err := tok.AppendIDs(nil, text)
		if err == nil && (len(ids) == 0 || longest < 1) {
			err = fmt.Errorf("%q has no tokens", text)
		}
		if err != nil {
			return nil, err
		}
		sum := make([]float32, m.Width())
		for part := range slices.Chunk(ids, longest) {
			share := float32(len(part)) / float32(len(ids))
			for i, x := range pooling.Embed(m, tok.WithTemplate(slices.Clone(part))) {
				sum[i] += float32(share * x)
			}
		}
		return sum, nil
	}
	return s, nil
}

// candidates makes the lines of a file those among which neighbours are looked for.
func (s *space) candidates(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s.labels = nil
	var rows []float32
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		v, err := s.vector(line)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		s.labels, rows = append(s.labels, line), append(rows, v...)
	}
	if len(s.labels) == 0 {
		return fmt.Errorf("%s holds no line", file)
	}
	s.among = model.NewPlainSpace(rows, len(rows)/len(s.labels))
	return nil
}

// nearest lists the n labels nearest to a vector, without those left out and each once.
func (s *space) nearest(query []float32, n int, without []string) (list []neighbor, err error) {
	if s.among == nil {
		return nil, fault.Hintf(fmt.Errorf("%s: it has no list of words to look among", s.name), "give one text a line with --among FILE")
	}
	seen := map[string]bool{"": true}
	for _, w := range without {
		seen[strings.ToLower(w)] = true
	}
	for _, x := range s.among.Nearest(query, 4*n+len(without)+8) {
		if label := s.labels[x.ID]; !seen[strings.ToLower(label)] && len(list) < n {
			seen[strings.ToLower(label)] = true
			list = append(list, neighbor{label, x.Cosine})
		}
	}
	return list, nil
}

// unit is a vector brought to length 1.
func unit(v []float32) []float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(max(sum, math.SmallestNonzeroFloat64)))
	}
	return out
}
