package extract

// pageBlocks are the blocks of a page, with the texts that only its data hold:
// JSON-LD and the description in <meta>, where the page does not show them.
func pageBlocks(nodes []node, f pageFacts, markdown bool) []block {
	blocks := segment(nodes, markdown)
	shown := map[uint64]bool{}
	eachGram := func(s string, yield func(uint64)) {
		var m measure
		m.count(s)
		h := m.hashes
		for i := 0; i+4 <= len(h); i++ {
			yield(uint64(h[i])*31*31*31 + uint64(h[i+1])*31*31 + uint64(h[i+2])*31 + uint64(h[i+3]))
		}
	}
	extra := append(f.texts, f.description)
	if len(extra) == 1 && extra[0] == "" {
		return blocks
	}
	for i := range blocks {
		eachGram(blocks[i].text, func(g uint64) { shown[g] = true })
	}
	for _, text := range extra {
		nodes := parseTree(text)
		for _, b := range segment(nodes, markdown) {
			seen, all := 0, 0
			eachGram(b.text, func(g uint64) {
				all++
				seen += toInt(shown[g])
				shown[g] = true
			})
			if all >= 4 && seen*2 < all {
				b.inner, b.box, b.context, b.gap = 0, 0, fromData, gapBlock
				blocks = append(blocks, b)
			}
		}
	}
	return blocks
}
