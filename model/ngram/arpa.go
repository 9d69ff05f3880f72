package ngram

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteARPA writes the model as text for SRILM, KenLM and others: of each n-gram the base-10
// logarithm of its probability, and that of the weight of shorter contexts behind it. word gives
// the text of an id; the end id is </s>, and the beginning of a text <s>.
func (m *Model) WriteARPA(w io.Writer, word func(id int32) string) error {
	b := bufio.NewWriterSize(w, 1<<16)
	text := func(id uint32) (string, error) {
		switch {
		case int(id) == m.vocab:
			return "<s>", nil
		case int32(id) == m.end:
			return "</s>", nil
		}
		s := word(int32(id))
		if s == "" || strings.ContainsAny(s, " \t\r\n") {
			return "", fmt.Errorf("id %d is %q, which ARPA cannot hold", id, s)
		}
		return s, nil
	}
	counts := m.NGrams()
	counts[0] += 2 // <s> and <unk>
	fmt.Fprint(b, "\\data\\\n")
	for k, n := range counts {
		fmt.Fprintf(b, "ngram %d=%d\n", k+1, n)
	}
	for k := range m.levels {
		fmt.Fprintf(b, "\n\\%d-grams:\n", k+1)
		if k == 0 {
			fmt.Fprint(b, "-99\t<unk>\n")
		}
		if err := m.arpaLevel(b, k, text); err != nil {
			return err
		}
	}
	fmt.Fprint(b, "\n\\end\\\n")
	return b.Flush()
}

// arpaLevel writes the n-grams of length k+1, in the order of their ids.
func (m *Model) arpaLevel(b *bufio.Writer, k int, text func(uint32) (string, error)) error {
	var visit func(depth int, node, id uint32, before string) error
	visit = func(depth int, node, id uint32, before string) error {
		s, err := text(id)
		if err != nil {
			return err
		}
		if before != "" {
			s = before + " " + s
		}
		l := &m.levels[depth]
		if depth == k {
			p := -99.0
			if int(node) < len(l.logp) && !(depth == 0 && int(id) == m.vocab) {
				p = float64(l.logp[node]) / math.Ln10
			}
			fmt.Fprintf(b, "%.7g\t%s", p, s)
			if l.logb != nil && k < m.order-1 {
				fmt.Fprintf(b, "\t%.7g", float64(l.logb[node])/math.Ln10)
			}
			return b.WriteByte('\n')
		}
		for child := l.first[node]; child < l.first[node+1]; child++ {
			if err := visit(depth+1, child, m.levels[depth+1].ids[child], s); err != nil {
				return err
			}
		}
		return nil
	}
	for id := range uint32(m.vocab + 1) {
		if err := visit(0, id, id, ""); err != nil {
			return err
		}
	}
	return nil
}
