package finetune

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fragua/model"
	"fragua/tokenize"
)

// A question is a prompt and what may follow it.
type question struct {
	prompt  string
	choices []string
}

// encodePair encodes a prompt and what follows it as lm-evaluation-harness does: spaces at the end of
// the prompt belong to what follows, and its ids are those that the whole text has beyond the prompt's.
func encodePair(tok *tokenize.Tokenizer, prompt, follow string) (before, after []int32, err error) {
	cut := len(prompt)
	for cut > 0 && (prompt[cut-1] == ' ' || prompt[cut-1] == '\n' || prompt[cut-1] == '\t') {
		cut--
	}
	prompt, follow = prompt[:cut], prompt[cut:]+follow
	if before, err = tok.AppendIDs(nil, prompt); err != nil {
		return nil, nil, err
	}
	whole, err := tok.AppendIDs(nil, prompt+follow)
	if err != nil {
		return nil, nil, err
	}
	before, whole = tok.WithTemplate(before), tok.WithTemplate(whole)
	if len(whole) <= len(before) {
		return nil, nil, fmt.Errorf("%q adds no token to the prompt", follow)
	}
	if len(before) == 0 { // something must stand before the first id that is scored
		return []int32{tok.EndOfText()}, whole, nil
	}
	return whole[:len(before)], whole[len(before):], nil
}

// A scoredLine is a prompt with one of its choices, as ids, of which those from start are scored.
type scoredLine struct {
	ids   []int32
	start int
}

// encodeQuestion encodes a prompt with each of its choices. A prompt that is longer than the
// context loses its beginning, as much for each choice as the longest makes necessary.
func encodeQuestion(tok *tokenize.Tokenizer, context int, q question) (lines []scoredLine, cut bool, err error) {
	over := 0
	for _, c := range q.choices {
		before, after, err := encodePair(tok, q.prompt, c)
		if err != nil {
			return nil, false, err
		}
		l := scoredLine{append(before[:len(before):len(before)], after...), len(before)}
		over = max(over, len(l.ids)-1-context) // the last id is scored and not read
		lines = append(lines, l)
	}
	for k := range lines {
		if over >= lines[k].start {
			return nil, false, fmt.Errorf("%.40q has %d tokens, the context %d", q.choices[k], len(lines[k].ids)-lines[k].start, context)
		}
		lines[k] = scoredLine{lines[k].ids[over:], lines[k].start - over}
	}
	return lines, over > 0, nil
}

// questionsAtOnce is how many prompts are read side by side.
const questionsAtOnce = 8

// likelihoods gives the log-probability of each choice after its prompt, in nats. cut counts the
// prompts that lost their beginning.
func likelihoods(ctx context.Context, lm model.LanguageModel, tok *tokenize.Tokenizer, questions []question) (logProbs [][]float64, cut int, err error) {
	for from := 0; from < len(questions); from += questionsAtOnce {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		var batch [][]scoredLine
		for _, q := range questions[from:min(from+questionsAtOnce, len(questions))] {
			lines, short, err := encodeQuestion(tok, lm.Context(), q)
			if err != nil {
				return nil, 0, err
			}
			if short {
				cut++
			}
			batch = append(batch, lines)
		}
		logProbs = append(logProbs, scoreLines(lm.Decoder(), batch)...)
	}
	return logProbs, cut, nil
}

// scoreLines scores the lines of some questions. What all of them begin with is read once, what the
// choices of a question begin with once for it.
func scoreLines(d model.Decoder, batch [][]scoredLine) [][]float64 {
	prefix := make([][]int32, len(batch)) // of each question
	trunk := -1
	for q, lines := range batch {
		n := lines[0].start
		for _, l := range lines {
			n = min(n, l.start, shared(lines[0].ids, l.ids))
		}
		prefix[q] = lines[0].ids[:n]
		if trunk < 0 {
			trunk = n - 1
		}
		trunk = min(trunk, n-1, shared(prefix[0], prefix[q]))
	}
	rest := make([][]int32, len(batch))
	for q := range prefix {
		rest[q] = prefix[q][trunk:]
	}
	if trunk > 0 {
		d.Feed([][]int32{prefix[0][:trunk]})
		d.Select(make([]int, len(batch)))
	}
	logits := d.Feed(rest)
	// A walker is a line on its way: at is the id that comes next, row where its logits are.
	type walker struct{ q, k, at, row int }
	var walkers []walker
	out := make([][]float64, len(batch))
	for q, lines := range batch {
		out[q] = make([]float64, len(lines))
		for k := range lines {
			walkers = append(walkers, walker{q, k, len(prefix[q]), q})
		}
	}
	vocab := len(logits) / len(batch)
	for len(walkers) > 0 {
		sums := map[int]float64{}
		var on []walker
		var rows []int
		var feed [][]int32
		for _, w := range walkers {
			l := batch[w.q][w.k]
			if w.at >= l.start {
				of := logits[w.row*vocab:][:vocab]
				if _, ok := sums[w.row]; !ok {
					sums[w.row] = logSumExp(of)
				}
				out[w.q][w.k] += float64(of[l.ids[w.at]]) - sums[w.row]
			}
			if w.at+1 < len(l.ids) {
				rows, feed = append(rows, w.row), append(feed, l.ids[w.at:w.at+1])
				on = append(on, walker{w.q, w.k, w.at + 1, len(on)})
			}
		}
		if walkers = on; len(on) > 0 {
			d.Select(rows)
			logits = d.Feed(feed)
		}
	}
	return out
}

func logSumExp(logits []float32) float64 {
	most := slices.Max(logits)
	sum := 0.0
	for _, z := range logits {
		sum += math.Exp(float64(z - most))
	}
	return float64(most) + math.Log(sum)
}

// shared is how many ids two texts begin with alike.
func shared(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
