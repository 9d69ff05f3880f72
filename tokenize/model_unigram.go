package tokenize

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unigram cuts a piece into the tokens whose log-probabilities have the largest
// sum (Kudo 2018, section 3.2), by Viterbi's algorithm.
type unigram struct {
	vocab    map[string]int32
	score    []float64
	unk      int32
	unkScore float64
	length   int // bytes of the longest token
	fallback *[256]int32
}

// unkPenalty is how much less likely than the least likely token an unknown
// character is, as in sentencepiece.
const unkPenalty = 10

func (t *Tokenizer) readUnigram(raw json.RawMessage) error {
	var j struct {
		UnkID        *int32 `json:"unk_id"`
		ByteFallback bool   `json:"byte_fallback"`
		Vocab        [][]json.RawMessage
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return fmt.Errorf("model Unigram: %w", err)
	}
	m := &unigram{vocab: make(map[string]int32, len(j.Vocab)), unk: -1}
	least := math.Inf(1)
	t.ids = make(map[string]int32, len(j.Vocab))
	t.special = make([]bool, len(j.Vocab))
	for id, v := range j.Vocab {
		var token string
		var score float64
		if len(v) != 2 || json.Unmarshal(v[0], &token) != nil || json.Unmarshal(v[1], &score) != nil {
			return fmt.Errorf("model Unigram: token %d is not [text, score]", id)
		}
		score = serdeFloat(string(v[1]), score)
		m.vocab[token] = int32(id)
		m.score = append(m.score, score)
		m.length = max(m.length, len(token))
		least = min(least, score)
		t.tokens, t.ids[token] = append(t.tokens, token), int32(id)
	}
	m.unkScore = least - unkPenalty
	if j.UnkID != nil {
		if *j.UnkID < 0 || int(*j.UnkID) >= len(j.Vocab) {
			return fmt.Errorf("model Unigram: unk_id is %d, the vocabulary has %d tokens", *j.UnkID, len(j.Vocab))
		}
		m.unk = *j.UnkID
	}
	if j.ByteFallback {
		m.fallback = new([256]int32)
		for b := range m.fallback {
			id, ok := m.vocab[fmt.Sprintf("<0x%02X>", b)]
			if !ok {
				id = -1
			}
			m.fallback[b] = id
		}
	}
	t.model = m
	return nil
}

// serdeFloat reads a number as Rust's serde_json does: whole digits, rounded,
// divided by a power of ten. The result may be one unit in the last place beside
// the nearest float64, which is value, and then another of several cuts with
// nearly the same score wins.
func serdeFloat(text string, value float64) float64 {
	whole, fraction, ok := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	digits, err := strconv.ParseUint(whole+fraction, 10, 64)
	if !ok || err != nil || len(fraction) > 22 {
		return value
	}
	f := float64(digits) / math.Pow10(len(fraction))
	if text[0] == '-' {
		return -f
	}
	return f
}

func (m *unigram) appendPiece(dst []int32, st *state, text string) []int32 {
	if ids, ok := st.cache.long[text]; ok {
		return append(dst, ids...)
	}
	type node struct {
		score float64
		from  int32 // -1: not reached yet
		id    int32
	}
	best := make([]node, len(text)+1)
	for i := range best {
		best[i].from = -1
	}
	best[0].from = 0
	for i := 0; i < len(text); {
		_, w := utf8.DecodeRuneInString(text[i:])
		here, single := best[i].score, false
		offer := func(end int, score float64, id int32) {
			if n := &best[end]; n.from < 0 || score > n.score {
				*n = node{score, int32(i), id}
			}
		}
		for end := i + 1; end <= min(len(text), i+m.length); end++ {
			if id, ok := m.vocab[text[i:end]]; ok {
				offer(end, here+m.score[id], id)
				single = single || end == i+w
			}
		}
		if !single {
			offer(i+w, here+m.unkScore, m.unk)
		}
		i += w
	}
	// Back from the end; neighbouring unknown characters are one.
	var cuts []int
	for i := len(text); i > 0; i = int(best[i].from) {
		if k := len(cuts); k > 0 && best[i].id == m.unk && best[cuts[k-1]].id == m.unk && m.unk >= 0 {
			best[cuts[k-1]].from = best[i].from
			continue
		}
		cuts = append(cuts, i)
	}
	n := len(dst)
	for k := len(cuts) - 1; k >= 0; k-- {
		end := cuts[k]
		part := text[best[end].from:end]
		if id, ok := m.vocab[part]; ok {
			dst = append(dst, id)
			continue
		}
		dst = m.appendUnknown(dst, part)
	}
	st.cache.keep(asBytes(text), dst[n:])
	return dst
}

// appendUnknown appends the bytes of a part if there are tokens for all of them,
// else the unknown token, if there is one.
func (m *unigram) appendUnknown(dst []int32, part string) []int32 {
	if m.fallback != nil {
		n := len(dst)
		for _, b := range []byte(part) {
			if m.fallback[b] < 0 {
				return append(dst[:n], m.unk)
			}
			dst = append(dst, m.fallback[b])
		}
		return dst
	}
	if m.unk < 0 {
		return dst
	}
	return append(dst, m.unk)
}
