package train

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// sample lets the model go on with a prompt. The same weights, title apart, and
// seed give the same text.
func (t *pretraining) sample(ctx context.Context, prompt, title string, seed uint64) (pipeline.Sample, error) {
	s := t.Sampler
	s.Seed ^= t.env.Seed + seed
	text, err := continueText(ctx, t.lm, t.data.tok, prompt, t.SampleTokens, s)
	return pipeline.Sample{Title: title, Text: text}, err
}

// textual is what turns ids into text and back; *tokenize.Tokenizer is one.
type textual interface {
	AppendIDs(dst []int32, text string) ([]int32, error)
	Decode(ids []int32) string
	EndOfText() int32
}

// continueText returns the prompt and up to n ids more.
func continueText(ctx context.Context, lm model.Generator, tok textual, prompt string, n int, s model.Sampler) (string, error) {
	ids, err := tok.AppendIDs(nil, prompt)
	if err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "", fault.Hintf(fmt.Errorf("the prompt %q has no tokens", prompt), "begin with a word or two")
	}
	for id := range model.Generate(ctx, lm.Decoder(), ids, n, []int32{tok.EndOfText()}, s) {
		ids = append(ids, id)
	}
	return tok.Decode(ids), ctx.Err()
}

// samplePrompts returns the prompts of the settings, or the first words of some
// validation documents.
func (t *pretraining) samplePrompts() ([]string, error) {
	if len(t.Prompts) > 0 {
		return t.Prompts, nil
	}
	const wanted, ids = 3, 10
	rows := t.data.validation
	if rows.Len() == 0 {
		rows = t.data.train
	}
	var out []string
	for i := 0; i < rows.Len() && len(out) < wanted; i++ {
		row, starts, length, err := rows.Row(i, nil)
		if err != nil {
			return nil, err
		}
		for k, s := range starts {
			end := length
			if k+1 < len(starts) {
				end = int(starts[k+1])
			}
			if end-int(s) <= ids || len(out) == wanted {
				continue
			}
			if text := wholeWords(t.data.tok.Decode(row[s : s+ids])); text != "" {
				out = append(out, text)
			}
		}
	}
	return out, nil
}

// wholeWords leaves out the last word, which may be cut, unless it is the only one.
func wholeWords(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.LastIndexAny(text, " \n"); i > 0 {
		text = strings.TrimSpace(text[:i])
	}
	return text
}

// oneLine makes a text fit for a terminal: a young model writes control
// characters too.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
