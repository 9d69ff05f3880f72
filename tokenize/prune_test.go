package tokenize

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Rules that are dropped never apply: with random vocabularies, whose tokens can
// mostly be cut in several ways and often not be reached, pieces become what the
// rule of rank files says, tried on all pairs again and again.
func TestPrunedRulesAreEnough(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return string(b)
	}
	dropped := 0
	for range 200 {
		var tokens []string
		for b := range 256 {
			tokens = append(tokens, string([]byte{byte(b)}))
		}
		for range 3 + r.IntN(60) {
			if s := letters(2 + r.IntN(5)); !slices.Contains(tokens, s) {
				tokens = append(tokens, s)
			}
		}
		tok, err := fromRanks(tokens, "gpt2", nil)
		if err != nil {
			t.Fatal(err)
		}
		rank := map[string]int32{}
		cuts := 0
		for id, s := range tokens {
			rank[s] = int32(id)
		}
		for _, s := range tokens {
			for k := 1; k < len(s); k++ {
				_, left := rank[s[:k]]
				if _, right := rank[s[k:]]; left && right {
					cuts++
				}
			}
		}
		for range tok.fast.pairs.rules() {
			cuts--
		}
		dropped += cuts
		saved := reloaded(t, tok)
		for range 50 {
			piece := letters(1 + r.IntN(60))
			want := naiveRanks(rank, piece)
			if got := tok.AppendPiece(nil, piece); !slices.Equal(got, want) {
				t.Fatalf("%q with %q: %v, want %v", piece, tokens[256:], got, want)
			}
			if got := saved.AppendPiece(nil, piece); !slices.Equal(got, want) {
				t.Fatalf("%q with %q, saved as tokenizer.json: %v, want %v", piece, tokens[256:], got, want)
			}
		}
	}
	if dropped == 0 {
		t.Error("no rule was dropped")
	}
}

// A token of many bytes may keep all its cuts: more rules than there are tokens.
func TestRulesOfLongTokens(t *testing.T) {
	var tokens []string
	rank := map[string]int32{}
	for b := range 256 {
		tokens = append(tokens, string([]byte{byte(b)}))
	}
	for n := 150; n > 1; n-- { // the longest first: none is reached by lower ranks
		tokens = append(tokens, strings.Repeat("a", n))
	}
	for id, s := range tokens {
		rank[s] = int32(id)
	}
	tok, err := fromRanks(tokens, "gpt2", nil)
	if err != nil {
		t.Fatal(err)
	}
	piece := strings.Repeat("a", 400)
	want := naiveRanks(rank, piece)
	if got := tok.AppendPiece(nil, piece); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	n := 0
	for range reloaded(t, tok).fast.pairs.rules() {
		n++
	}
	if n < 2*len(tokens) {
		t.Errorf("%d rules: too few for the test", n)
	}
}

// naiveRanks is tiktoken's algorithm in its plainest form.
func naiveRanks(rank map[string]int32, piece string) (ids []int32) {
	if id, ok := rank[piece]; ok {
		return []int32{id}
	}
	var parts []string
	for i := range len(piece) {
		parts = append(parts, piece[i:i+1])
	}
	for {
		at, best := -1, int32(1<<30)
		for i := 0; i+1 < len(parts); i++ {
			if id, ok := rank[parts[i]+parts[i+1]]; ok && id < best {
				at, best = i, id
			}
		}
		if at < 0 {
			break
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
	for _, p := range parts {
		ids = append(ids, rank[p])
	}
	return ids
}
