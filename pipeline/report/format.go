package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"fragua/pipeline"
)

// Value prints a figure: shares as percentages.
func Value(f pipeline.Figure) string {
	share := isShare(f)
	show := func(v float64) string {
		switch {
		case share:
			return fmt.Sprintf("%.1f", 100*v)
		case f.Digits > 0:
			return strconv.FormatFloat(v, 'f', f.Digits, 64)
		case f.PlusMinus > 0 && f.PlusMinus < 100: // as far as the interval tells something: to two figures of it
			return strconv.FormatFloat(v, 'f', max(0, 1-int(math.Floor(math.Log10(f.PlusMinus)))), 64)
		}
		return number(v)
	}
	s := show(f.Value)
	if f.PlusMinus != 0 {
		s += " ± " + show(f.PlusMinus)
	}
	if share {
		return s + " %"
	}
	return s
}

func isShare(f pipeline.Figure) bool {
	return f.Unit == "share" || strings.HasPrefix(f.Unit, "share ")
}

// percent prints a share.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// beside says whether a figure is the baseline to the one before it.
func beside(all []pipeline.Figure, i int) bool {
	return i > 0 && all[i].Name == all[i-1].Name && all[i].Better != ""
}

// shade is how strongly a cell of a look is coloured, in percent.
func shade(share float64) int { return int(math.Round(100 * math.Min(share, 1))) }

// heat returns how strongly a cell of a confusion matrix is coloured: its share
// of its row, 0 to 100.
func heat(row []int64, j int) int64 {
	sum := int64(0)
	for _, n := range row {
		sum += n
	}
	return 100 * row[j] / max(sum, 1)
}

// ByteSize prints a number of bytes.
func ByteSize(n int64) string {
	switch {
	case n < 10_000:
		return Grouped(n) + " B"
	case n < 10_000_000:
		return Grouped(n/1000) + " kB"
	}
	return Grouped(n/1_000_000) + " MB"
}

func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Minute).String()
}

// number prints a value for people: whole numbers in groups of three, others to
// four figures.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return Grouped(int64(v))
	}
	if a := math.Abs(v); a >= 10000 {
		return Grouped(int64(math.Round(v)))
	} else if a >= 1 {
		s := strconv.FormatFloat(v, 'f', max(0, 3-int(math.Log10(a))), 64)
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// Grouped prints a whole number in groups of three digits.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "\u202f" + s[i:] // a narrow space that does not break
	}
	return s
}
