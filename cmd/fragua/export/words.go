package export

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"fragua/model"
	"fragua/model/embed"
	"fragua/model/ngram"
	"fragua/pipeline/store"
	"fragua/tokenize"
)

// Word2vec writes word vectors, or the embedding of a model, as word2vec's text: a line with rows and
// width, then a word or token and its vector a line. Tokens stand as the tokenizer's file writes them;
// those with a space or without a text are left out.
func Word2vec(from, to string) error {
	if embed.Is(from) {
		v, err := embed.Open(from)
		if err != nil {
			return err
		}
		rows := make([]int, len(v.Words))
		for i := range rows {
			rows[i] = i
		}
		return writeWord2vec(to, v.Words, rows, v.Rows, v.Width)
	}
	m, err := model.Open(from)
	if err != nil {
		return err
	}
	tok, err := tokenize.Load(from)
	if err != nil {
		return err
	}
	var words []string
	var ids []int
	for id := range min(m.Vocab(), tok.VocabSize()) {
		if s, ok := tok.Token(int32(id)); ok && oneWord(s) {
			words, ids = append(words, s), append(ids, id)
		}
	}
	return writeWord2vec(to, words, ids, m.Params()[0].Data, m.Width()) // the embedding comes first in every architecture
}

// writeWord2vec writes words and the rows of a table that are theirs.
func writeWord2vec(to string, words []string, rows []int, table []float32, width int) error {
	return store.WriteFile(to, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		fmt.Fprintf(b, "%d %d\n", len(words), width)
		for i, word := range words {
			b.WriteString(word)
			for _, v := range table[rows[i]*width:][:width] {
				b.WriteByte(' ')
				b.Write(strconv.AppendFloat(b.AvailableBuffer(), float64(v), 'g', -1, 32))
			}
			b.WriteByte('\n')
		}
		return b.Flush()
	})
}

func oneWord(s string) bool {
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r == 0x85 || r == 0xa0 {
			return false
		}
	}
	return s != ""
}

// ARPA writes an n-gram model for KenLM and SRILM. Tokens that are no single word are written as
// their id between angle brackets.
func ARPA(from, to string) error {
	m, err := ngram.Open(filepath.Join(from, "model.ngram"))
	if err != nil {
		return err
	}
	tok, err := tokenize.Load(from)
	if err != nil {
		return err
	}
	return store.WriteFile(to, func(w io.Writer) error {
		return m.WriteARPA(w, func(id int32) string {
			if s, ok := tok.Token(id); ok && oneWord(s) && s != "<s>" && s != "</s>" && s != "<unk>" {
				return s
			}
			return fmt.Sprintf("<id%d>", id)
		})
	})
}
