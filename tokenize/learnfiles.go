package tokenize

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"fragua/pipeline/fault"
)

// Files learns from files. A text file is one document, or a sequence of lines
// (see Unit); in JSON lines and Parquet each row is a document.
func (l *Learn) Files(ctx context.Context, f Files) (*Trained, error) {
	if faults := l.Check(); len(faults) > 0 {
		return nil, fault.Hintf(&fault.UsageError{Err: errors.New(faults[0].Err)}, "%s", faults[0].Hint)
	}
	if l.VocabSize == 0 {
		return nil, fault.Hintf(errors.New("vocab_size is 0, and it is chosen only within a run"), "32768 suits large corpora, 4096 small ones")
	}
	p, slow, err := PatternOf(l.Pattern)
	if err != nil {
		return nil, err
	}
	if f.Phase != nil {
		f.progress = f.Phase("count")
		for _, path := range f.Paths {
			if info, err := os.Stat(path); err == nil {
				f.progress.Expect(info.Size(), "bytes")
			}
		}
	}
	total, lost, times, err := l.countFiles(ctx, p, f)
	if err != nil {
		return nil, err
	}
	if total.distinct() == 0 {
		return nil, fault.Hintf(errors.New("there is no text to learn from"), "the files are empty: %s", strings.Join(f.Paths, ", "))
	}
	w := total.words()
	total = nil // its memory is needed
	var invalid, returns int64
	for i, n := range w.n { // no piece begins or ends within a character
		word := w.at(i)
		invalid += n * invalidBytes(asBytes(word))
		returns += n * int64(strings.Count(word, "\r"))
	}
	var progress func(tokens int)
	if f.Phase != nil {
		p, last := f.Phase("learn"), 0
		p.Expect(int64(l.VocabSize), "tokens")
		progress = func(n int) {
			p.Advance(int64(n - last))
			last = n
		}
	}
	tr, err := l.train(ctx, w, progress)
	if err != nil {
		return nil, err
	}
	tr.Pruned, tr.PrunedN = lost, times
	warn := func(format string, args ...any) { tr.Warnings = append(tr.Warnings, fmt.Sprintf(format, args...)) }
	if slow {
		warn("pattern %q has no scanner of its own: a general regular expression engine cuts the text, which is slow", l.Pattern)
	}
	if lost > 0 {
		warn("%d distinct words, which occur %d times in all, were forgotten to save memory (max_words %d)", lost, times, l.MaxWords)
	}
	if invalid > 0 {
		warn("%d bytes are not UTF-8; each was taken as a character of its own", invalid)
	}
	if returns > 0 {
		warn("there are %d carriage returns, and merges were spent on that; convert the line ends unless texts to encode have them too", returns)
	}
	return tr, nil
}

// roundParts is how many parts are counted between two looks at how many
// distinct words there are.
const roundParts = 64

// countFiles counts the words of all files. Each worker has a counter of its own,
// and takes part after part. After each round of parts all of them together hold
// the same, however many they are, and only then words are forgotten.
func (l *Learn) countFiles(ctx context.Context, p *Pattern, f Files) (total *wordCounter, lost, times int64, err error) {
	apart := lastLine
	switch {
	case l.Unit == UnitDoc && p.re == nil:
		apart = lastWord
	case l.Unit == UnitDoc:
		apart = nil
	}
	blocks := sync.Pool{New: func() any { return new([]byte) }}
	next, stop := iter.Pull2(f.parts(apart, func(size int) []byte {
		return slices.Grow((*blocks.Get().(*[]byte))[:0], size)
	}))
	defer stop()
	counters := make([]*wordCounter, max(f.Workers, 1))
	for i := range counters {
		counters[i] = newWordCounter()
	}
	for more := true; more; {
		var reading sync.Mutex
		taken := 0
		take := func() (part textPart, ok bool, err error) {
			reading.Lock()
			defer reading.Unlock()
			if taken == roundParts || !more {
				return part, false, nil
			}
			taken++
			part, err, more = next()
			return part, more, err
		}
		g, ctx := errgroup.WithContext(ctx)
		for _, c := range counters {
			g.Go(func() error {
				for {
					part, ok, err := take()
					if !ok || err != nil {
						return err
					}
					for _, text := range part.texts {
						if f.Reject {
							if n := invalidBytes(text); n > 0 {
								return fault.Hintf(fmt.Errorf("%s: %d bytes are not UTF-8", part.name, n), "convert it, or let such bytes be pieces of their own")
							}
						}
						if err := c.count(p, text, l.Unit == UnitLine); err != nil {
							return fmt.Errorf("%s: %w", part.name, err)
						}
					}
					if part.block != nil {
						blocks.Put(&part.block)
					}
					if err := ctx.Err(); err != nil {
						return err
					}
				}
			})
		}
		if err := g.Wait(); err != nil {
			return nil, 0, 0, err
		}
		most := 0
		for _, c := range counters {
			most += c.distinct()
		}
		if l.MaxWords > 0 && most > 2*l.MaxWords || !more {
			total := counters[0]
			for i, c := range counters[1:] {
				total.merge(c)
				counters[i+1] = newWordCounter()
			}
			if l.MaxWords > 0 {
				n, k := total.prune(2 * l.MaxWords)
				lost, times = lost+n, times+k
			}
		}
	}
	return counters[0], lost, times, nil
}

// invalidBytes counts the bytes that are not UTF-8.
func invalidBytes(b []byte) (n int64) {
	for i := 0; i < len(b); {
		r, w := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && w == 1 {
			n++
		}
		i += w
	}
	return n
}
