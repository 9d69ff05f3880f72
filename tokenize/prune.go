package tokenize

// prune drops merge rules that never apply. A tokenizer made from a rank file has a
// rule for every cut of a token in two; a table a third of the size misses the
// cache less often.
//
// When the parts A and B of a token are neighbours, no merge has crossed the ends of
// the token. So within it the merges were those of the token alone, in the same
// order, and alone it is in two parts only once: only the rule for these applies.
func (e *byteBPE) prune() {
	rules := make([][]rule, len(e.pairs.ids)) // by result
	most := 0
	for r := range e.pairs.rules() {
		for int(r.id) >= len(rules) {
			rules = append(rules, nil)
		}
		rules[r.id] = append(rules[r.id], r)
		most = max(most, len(rules[r.id]))
	}
	if most < 2 {
		return
	}
	bytes := map[int32]bool{}
	for _, id := range e.ofByte {
		bytes[id] = true
	}
	// spell appends the bytes of a token, as ids; it fails for long ones, and
	// where a token is made of itself and an empty one.
	var spell func(ids []int32, id int32, depth int) ([]int32, bool)
	spell = func(ids []int32, id int32, depth int) (_ []int32, ok bool) {
		switch {
		case bytes[id]:
			return append(ids, id), true
		case int(id) >= len(rules) || len(rules[id]) == 0 || depth == scanLimit || len(ids) == scanLimit:
			return ids, false
		}
		if ids, ok = spell(ids, rules[id][0].left, depth+1); !ok {
			return ids, false
		}
		return spell(ids, rules[id][0].right, depth+1)
	}
	var m merger
	var ids []int32
	kept := newPairTable(len(e.pairs.ids))
	kept.ids = e.pairs.ids
	for id, same := range rules {
		var ok bool
		if len(same) > 1 {
			if ids, ok = spell(ids[:0], int32(id), 0); ok && len(ids) <= scanLimit {
				ids = e.pairs.merge(ids, 2, &m)
			}
		}
		for _, r := range same {
			if !ok || len(ids) != 2 || r.left == ids[0] && r.right == ids[1] {
				kept.put(r)
			}
		}
	}
	e.pairs = kept
}

// rankBytes looks the ranks of pairs of bytes up, once for all.
func (e *byteBPE) rankBytes() {
	e.ofPair = make([]uint32, 1<<16)
	for i := range e.ofPair {
		e.ofPair[i] = noMerge
		if a, b := e.ofByte[i>>8], e.ofByte[i&255]; a >= 0 && b >= 0 {
			e.ofPair[i] = e.pairs.rank(a, b)
		}
	}
}
