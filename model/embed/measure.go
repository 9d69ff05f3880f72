package embed

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

// A Triplet says that a word is nearer to a second than to a third.
type Triplet struct{ Word, Near, Far string }

// A Rating is how alike people find two words.
type Rating struct {
	A, B  string
	Score float64
}

// ReadTriplets reads three words a line, parted by white space. Lines that begin with # are comments.
func ReadTriplets(name string) (list []Triplet, err error) {
	err = eachLine(name, func(line string) error {
		f := strings.Fields(strings.ToLower(line))
		if len(f) != 3 {
			return fmt.Errorf("it has %d words, not 3: a word, one that is near and one that is far", len(f))
		}
		list = append(list, Triplet{f[0], f[1], f[2]})
		return nil
	})
	return list, err
}

// ReadRatings reads a file of word similarities: two words and a number a line, parted by tabs,
// or where there is none by semicolons, commas or spaces; more columns are not read. A first line without a number is a
// header, and lines that begin with # are comments.
func ReadRatings(name string) (list []Rating, err error) {
	first := true
	err = eachLine(name, func(line string) error {
		f := columns(strings.ToLower(line))
		header := first
		first = false
		if len(f) < 3 {
			return fmt.Errorf("it has %d columns, not 3: two words and how alike they are", len(f))
		}
		score, err := strconv.ParseFloat(f[2], 64)
		switch {
		case (err != nil || math.IsNaN(score)) && header:
			return nil
		case err != nil || math.IsNaN(score):
			return fmt.Errorf("%q is no number", f[2])
		}
		list = append(list, Rating{f[0], f[1], score})
		return nil
	})
	return list, err
}

func columns(line string) []string {
	for _, mark := range []string{"\t", ";", ","} {
		if strings.Contains(line, mark) {
			f := strings.Split(line, mark)
			for i := range f {
				f[i] = strings.TrimSpace(f[i])
			}
			return f
		}
	}
	return strings.Fields(line)
}

func eachLine(name string, f func(string) error) error {
	b, err := store.ReadFile(name)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for row := int64(0); lines.Scan(); row++ {
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" || text[0] == '#' {
			continue
		}
		if err := f(text); err != nil {
			return &fault.RowError{File: name, Row: row, Err: err}
		}
	}
	return lines.Err()
}

// A Score is how many of a list's entries were answered as people do.
type Score struct {
	Right, Asked int      // Asked: those whose words all have vectors
	Missing      int      // entries with a word that has none
	Wrong        []string // what was answered otherwise
}

// Judge asks the triplets.
func (v *Vectors) Judge(list []Triplet) (s Score) {
	for _, t := range list {
		a, _, err1 := v.Text(t.Word)
		b, _, err2 := v.Text(t.Near)
		c, _, err3 := v.Text(t.Far)
		if errors.Join(err1, err2, err3) != nil {
			s.Missing++
			continue
		}
		s.Asked++
		near, far := cosine(a, b), cosine(a, c)
		if near > far {
			s.Right++
		} else {
			s.Wrong = append(s.Wrong, fmt.Sprintf("%s – %s %.2f, %s – %s %.2f", t.Word, t.Near, near, t.Word, t.Far, far))
		}
	}
	return s
}

// Spearman is the rank correlation of cosines with ratings, over the n pairs whose words have
// vectors; equal values share the mean of their ranks. It is 0 for fewer than 3 pairs.
func (v *Vectors) Spearman(list []Rating) (rho float64, n int) {
	var ours, theirs []float64
	for _, r := range list {
		a, _, err1 := v.Text(r.A)
		b, _, err2 := v.Text(r.B)
		if errors.Join(err1, err2) == nil {
			ours, theirs = append(ours, cosine(a, b)), append(theirs, r.Score)
		}
	}
	if len(ours) < 3 {
		return 0, len(ours)
	}
	return correlation(ranks(ours), ranks(theirs)), len(ours)
}

// ranks are the places of numbers in their order, from 1.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	r := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			r[i] = float64(from+to+1) / 2
		}
		from = to
	}
	return r
}

func correlation(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xy, xx, yy = xy+dx*dy, xx+dx*dx, yy+dy*dy
	}
	return xy / math.Sqrt(max(xx*yy, math.SmallestNonzeroFloat64))
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab, aa, bb = ab+float64(x)*y, aa+float64(x)*float64(x), bb+y*y
	}
	return ab / math.Sqrt(max(aa*bb, math.SmallestNonzeroFloat64))
}
