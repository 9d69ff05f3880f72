package examples

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var number = regexp.MustCompile(`\d+(?:[.,’'\x{00a0}\x{202f}]\d+)*`)

// sameNumbers reports whether two texts have the same numbers, in any order, written by either
// convention: 1,234.5 and 1.234,5 are one number, 1.5 and 15 two. Numbers below a hundred, the hours
// among them, and whole hundreds may be written as words on the other side. odd is what stands on one side alone.
func sameNumbers(a, b string) (odd string, same bool) {
	left, right := number.FindAllString(a, -1), number.FindAllString(b, -1)
	var alone []string
	for _, n := range left {
		i := slices.IndexFunc(right, func(m string) bool { return sameNumber(n, m) })
		if i < 0 {
			alone = append(alone, n)
		} else {
			right = slices.Delete(right, i, i+1)
		}
	}
	if len(alone) == 0 || len(right) == 0 {
		alone = slices.DeleteFunc(append(alone, right...), asWord)
		right = nil
	}
	if len(alone)+len(right) == 0 {
		return "", true
	}
	return fmt.Sprintf("%s | %s", strings.Join(alone, " "), strings.Join(right, " ")), false
}

// asWord reports whether a number is often written as a word, or as a Roman numeral.
func asWord(n string) bool { return len(n) <= 2 || len(n) <= 4 && strings.HasSuffix(n, "00") }

func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	return slices.ContainsFunc(readings(a), func(r string) bool { return slices.Contains(readings(b), r) })
}

// readings are the values that a number may have, as digits with a point before decimals. With two
// kinds of separators the last one is the decimal one; a kind that stands there twice separates
// thousands; one alone before three digits may be either.
func readings(n string) (values []string) {
	n = strings.NewReplacer("’", "", "'", "", "\u00a0", "", "\u202f", "").Replace(n)
	last := strings.LastIndexAny(n, ".,")
	if last < 0 {
		return []string{whole(n)}
	}
	kinds := strings.Contains(n, ".") && strings.Contains(n, ",")
	once := strings.Count(n, n[last:last+1]) == 1
	digits := strings.NewReplacer(".", "", ",", "")
	if once {
		values = append(values, strings.TrimSuffix(whole(digits.Replace(n[:last]))+"."+strings.TrimRight(n[last+1:], "0"), "."))
	}
	if !kinds && (!once || len(n)-last-1 == 3) {
		values = append(values, whole(digits.Replace(n)))
	}
	return values
}

func whole(digits string) string {
	if s := strings.TrimLeft(digits, "0"); s != "" {
		return s
	}
	return "0"
}
