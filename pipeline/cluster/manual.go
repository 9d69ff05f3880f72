package cluster

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// manual is a cluster whose workers a person starts, by GNU parallel, HTCondor, AWS
// Batch or any other way. Each goes from phase to phase until the run is done.
type manual struct{ Settings }

func (m manual) Submit(_ context.Context, b Batch) (string, error) { return m.Script(b), nil }

// Active never ends: nobody knows who may still begin.
func (m manual) Active(context.Context, string) (int, error) { return 1, nil }

func (m manual) Cancel(context.Context, string) error { return nil }

func (m manual) Script(b Batch) string {
	return fmt.Sprintf("start workers, if you have not yet; each goes on until the run is done:\n  seq 0 %d | parallel -j 0 %s --shard {}/%d", m.Shards-1, shellWords(b.Command), m.Shards)
}

func (m manual) Log(Batch, string, int) string { return "look at what your worker printed" }

func (m manual) Most(context.Context) (int, error) { return math.MaxInt, nil }

// shellWords writes a command as a shell reads it.
func shellWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsFunc(w, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./=:,@%+", r))
		}) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
