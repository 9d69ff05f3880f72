package tokenize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"fragua/pipeline"
)

// partSize is how much text is counted at once. It depends on nothing else, so
// that forgetting rare words gives the same on every machine.
const partSize = 16 << 20

// A textPart is whole lines, or whole documents.
type textPart struct {
	name  string
	texts []string
	size  int
}

// Files learns from files. A text file is one document, or a sequence of lines
// (see Unit); in JSON lines and Parquet each row is a document.
func (l *Learn) Files(ctx context.Context, f Files) (*Trained, error) {
	if faults := l.Check(); len(faults) > 0 {
		return nil, pipeline.Hintf(&pipeline.UsageError{Err: errors.New(faults[0].Err)}, "%s", faults[0].Hint)
	}
	p, slow, err := PatternOf(l.Pattern)
	if err != nil {
		return nil, err
	}
	if f.Progress != nil {
		var total int64
		for _, path := range f.Paths {
			if info, err := os.Stat(path); err == nil {
				total += info.Size()
			}
		}
		f.Progress.Expect(total, "bytes")
	}
	total, notes, err := l.countFiles(ctx, p, f)
	if err != nil {
		return nil, err
	}
	if total.distinct() == 0 {
		return nil, pipeline.Hintf(errors.New("there is no text to learn from"), "the files are empty: %s", strings.Join(f.Paths, ", "))
	}
	w := total.words()
	total = nil // its memory is needed
	last := 0
	if f.Progress != nil {
		f.Progress.Expect(int64(l.VocabSize), "tokens")
	}
	tr, err := l.train(ctx, w, func(n int) {
		if f.Progress != nil {
			f.Progress.Advance(int64(n - last))
			last = n
		}
	})
	if err != nil {
		return nil, err
	}
	tr.Pruned, tr.PrunedN = notes.lost, notes.times
	warn := func(format string, args ...any) { tr.Warnings = append(tr.Warnings, fmt.Sprintf(format, args...)) }
	if slow {
		warn("pattern %q has no scanner of its own: a general regular expression engine cuts the text, which is slow", l.Pattern)
	}
	if notes.lost > 0 {
		warn("%d distinct words, which occur %d times in all, were forgotten to save memory (max_words %d)", notes.lost, notes.times, l.MaxWords)
	}
	if notes.invalid > 0 {
		warn("%d bytes are not UTF-8; each was taken as a character of its own", notes.invalid)
	}
	if notes.carriage > 0 {
		warn("%d lines end in CR LF, and merges were spent on that; convert the line ends unless texts to encode have them too", notes.carriage)
	}
	return tr, nil
}

// notes are what is told about the files besides their words.
type notes struct {
	lost, times int64 // words pruned, and how often they occurred
	invalid     int64 // bytes that are not UTF-8
	carriage    int64 // lines that end in CR LF
}

// countFiles counts the words of all files. Workers count parts, and their
// results are added up in the parts' order.
func (l *Learn) countFiles(ctx context.Context, p *Pattern, f Files) (*wordCounter, notes, error) {
	type result struct {
		words *wordCounter
		notes notes
	}
	var all notes
	total := newWordCounter()
	workers := max(f.Workers, 1)
	g, ctx := errgroup.WithContext(ctx)
	type job struct {
		part textPart
		done chan result
	}
	jobs, order := make(chan job), make(chan chan result, workers)
	g.Go(func() error {
		defer close(jobs)
		defer close(order)
		return f.parts(ctx, l.Unit, func(part textPart) error {
			j := job{part, make(chan result, 1)}
			select {
			case order <- j.done: // waits while so many parts are under way
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
			return nil
		})
	})
	for range workers {
		g.Go(func() error {
			for j := range jobs {
				r := result{words: newWordCounter()}
				for _, text := range j.part.texts {
					if !utf8.ValidString(text) {
						r.notes.invalid += invalidBytes(text)
						if f.Reject {
							return pipeline.Hintf(fmt.Errorf("%s: %d bytes are not UTF-8", j.part.name, r.notes.invalid), "convert it, or let such bytes be pieces of their own")
						}
					}
					r.notes.carriage += int64(strings.Count(text, "\r\n"))
					l.count(r.words, p, text)
				}
				if l.MaxWords > 0 {
					r.notes.lost, r.notes.times = r.words.prune(l.MaxWords)
				}
				if f.Progress != nil {
					f.Progress.Advance(int64(j.part.size))
				}
				j.done <- r
			}
			return nil
		})
	}
	g.Go(func() error {
		for done := range order {
			var r result
			select {
			case r = <-done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if total.distinct() == 0 {
				total = r.words
			} else {
				total.merge(r.words)
			}
			if l.MaxWords > 0 {
				lost, times := total.prune(2 * l.MaxWords)
				all.lost, all.times = all.lost+lost, all.times+times
			}
			all.lost, all.times = all.lost+r.notes.lost, all.times+r.notes.times
			all.invalid, all.carriage = all.invalid+r.notes.invalid, all.carriage+r.notes.carriage
		}
		return nil
	})
	err := g.Wait()
	return total, all, err
}

// invalidBytes counts the bytes that are not UTF-8.
func invalidBytes(s string) (n int64) {
	for i := 0; i < len(s); {
		r, w := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && w == 1 {
			n++
		}
		i += w
	}
	return n
}
