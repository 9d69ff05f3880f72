package tokenize

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// fromOniguruma rewrites an expression of Oniguruma (Ruby's syntax) for an engine
// that reads .NET's. It reads the expression once, remembering where the atom
// before each quantifier began. What differs:
//
//	x?+ x*+ x++   possessive             atomic groups
//	x{m,n}+       repeats the repetition a group around it
//	[a[bc]] [[:punct:]] [a-z&&[^aeiou]]  one flat class, with a subtraction
//	\w \b         letters, marks, digits, connectors; what lies at their edges
//	\h            hexadecimal digits
//	(?m)          . matches line ends    (?s)
//
// And it knows the letters, marks and numbers of Unicode 16.
func fromOniguruma(expr string) (string, error) {
	var out []byte
	var groups []int // where open groups began in out
	atom := -1       // where the last atom began in out; -1: none
	for i := 0; i < len(expr); {
		switch c := expr[i]; c {
		case '\\':
			n := escapeEnd(expr, i)
			atom = len(out)
			out = append(out, outsideClass(expr[i:n])...)
			i = n
		case '[':
			class, n, err := flatClass(expr, i)
			if err != nil {
				return "", err
			}
			atom = len(out)
			out = append(out, class...)
			i = n
		case '(':
			groups = append(groups, len(out))
			atom = -1
			n := i + 1
			if strings.HasPrefix(expr[i:], "(?") {
				n = i + 2 + len(expr[i+2:]) - len(strings.TrimLeft(expr[i+2:], "imx-"))
			}
			out = append(out, strings.ReplaceAll(expr[i:n], "m", "s")...)
			i = n
		case ')':
			if len(groups) > 0 {
				atom = groups[len(groups)-1]
				groups = groups[:len(groups)-1]
			}
			out = append(out, c)
			i++
		case '?', '*', '+', '{':
			n := 1
			if c == '{' {
				if k := strings.IndexByte(expr[i:], '}'); k > 0 {
					n = k + 1
				}
			}
			out = append(out, expr[i:i+n]...)
			i += n
			if i < len(expr) && expr[i] == '+' && atom >= 0 {
				open, shut := "(?>", ")"
				if c == '{' {
					open, shut = "(?:", ")+"
				}
				out = append(out[:atom], open+string(out[atom:])+shut...)
				i++
			} else if i < len(expr) && expr[i] == '?' {
				out = append(out, '?')
				i++
			}
		case '|':
			out = append(out, c)
			atom = -1
			i++
		default:
			_, w := utf8.DecodeRuneInString(expr[i:])
			atom = len(out)
			out = append(out, expr[i:i+w]...)
			i += w
		}
	}
	return string(out), nil
}

// escapeEnd returns the end of the escape at i.
func escapeEnd(expr string, i int) int {
	if i+2 < len(expr) && (expr[i+1] == 'p' || expr[i+1] == 'P') && expr[i+2] == '{' {
		if k := strings.IndexByte(expr[i:], '}'); k > 0 {
			return i + k + 1
		}
	}
	return min(i+2, len(expr))
}

const (
	wordClass  = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\p{Other_Alphabetic}`
	latinWord  = `²³¹¼-¾` // counts as \w, but not within a class
	alphaClass = `\p{L}\p{Nl}\p{Other_Alphabetic}`
	hexClass   = `0-9a-fA-F`
)

// posixClasses are Unicode's, as Oniguruma has them.
var posixClasses = map[string]string{
	"alpha": alphaClass, "digit": `\p{Nd}`, "alnum": alphaClass + `\p{Nd}`, "word": wordClass, "xdigit": hexClass,
	"upper": `\p{Lu}\p{Other_Uppercase}`, "lower": `\p{Ll}\p{Other_Lowercase}`,
	"punct": `\p{P}\p{S}`, "space": `\s`, "blank": `\p{Zs}\t`, "cntrl": `\p{Cc}`,
}

// outsideClass translates an escape that stands by itself.
func outsideClass(escape string) string {
	switch escape {
	case `\w`:
		return "[" + withYoung(wordClass) + latinWord + "]"
	case `\W`:
		return "[^" + withYoung(wordClass) + latinWord + "]"
	case `\b`:
		return strings.ReplaceAll(`(?:(?<=W)(?!W)|(?<!W)(?=W))`, "W", "["+withYoung(wordClass)+latinWord+"]")
	case `\B`:
		return strings.ReplaceAll(`(?:(?<=W)(?=W)|(?<!W)(?!W))`, "W", "["+withYoung(wordClass)+latinWord+"]")
	case `\d`:
		return "[" + withYoung(`\p{Nd}`) + "]"
	case `\D`:
		return "[^" + withYoung(`\p{Nd}`) + "]"
	case `\h`:
		return "[" + hexClass + "]"
	case `\H`:
		return "[^" + hexClass + "]"
	}
	if name, ok := strings.CutPrefix(escape, `\p{`); ok && young()[strings.TrimSuffix(name, "}")] != "" {
		return "[" + withYoung(escape) + "]"
	}
	if name, ok := strings.CutPrefix(escape, `\P{`); ok && young()[strings.TrimSuffix(name, "}")] != "" {
		return "[^" + withYoung(`\p{`+name) + "]"
	}
	return escape
}

// flatClass translates the bracket expression at i, where brackets may nest, and
// returns its end.
func flatClass(expr string, i int) (class string, end int, err error) {
	not, body, minus, end, err := classParts(expr, i)
	if err != nil {
		return "", 0, err
	}
	if minus != "" {
		if not {
			return "", 0, errors.New("an intersection (&&) in a negated class is not supported")
		}
		return "[" + body + "-" + minus + "]", end, nil
	}
	if not {
		return "[^" + body + "]", end, nil
	}
	return "[" + body + "]", end, nil
}

// classParts reads a bracket expression: what is in it, and the class that an
// intersection takes away.
func classParts(expr string, i int) (not bool, body, minus string, end int, err error) {
	var out strings.Builder
	i++
	if i < len(expr) && expr[i] == '^' {
		not = true
		i++
	}
	for first := true; i < len(expr); first = false {
		switch {
		case expr[i] == ']' && first:
			out.WriteString(`\]`)
			i++
		case expr[i] == ']':
			return not, out.String(), minus, i + 1, nil
		case strings.HasPrefix(expr[i:], "[:"):
			name, _, ok := strings.Cut(expr[i+2:], ":]")
			set, known := posixClasses[name]
			if !ok || !known {
				return false, "", "", 0, fmt.Errorf("the class [:%s:] is not supported", name)
			}
			out.WriteString(withYoung(set))
			i += len(name) + 4
		case strings.HasPrefix(expr[i:], "&&"):
			// What stays is what is not outside the rest.
			rest := "[" + expr[i+2:]
			if strings.HasPrefix(rest, "[[") { // one class: its own brackets will do
				n, b, m, e, err := classParts(rest, 1)
				if err == nil && m == "" && e < len(rest) && rest[e] == ']' {
					if n {
						return not, out.String(), "[" + b + "]", i + 2 + e, nil
					}
					return not, out.String(), "[^" + b + "]", i + 2 + e, nil
				}
			}
			n, b, m, e, err := classParts(rest, 0)
			if err != nil || n || m != "" {
				return false, "", "", 0, errors.New("an intersection (&&) of more than two classes is not supported")
			}
			return not, out.String(), "[^" + b + "]", i + 1 + e, nil
		case expr[i] == '[':
			n, b, m, e, err := classParts(expr, i)
			if err != nil {
				return false, "", "", 0, err
			}
			if n || m != "" {
				return false, "", "", 0, errors.New("a negated class or an intersection within a class is not supported")
			}
			out.WriteString(b)
			i = e
		case expr[i] == '\\':
			e := escapeEnd(expr, i)
			switch escape := expr[i:e]; escape {
			case `\w`:
				out.WriteString(withYoung(wordClass))
			case `\d`:
				out.WriteString(withYoung(`\p{Nd}`))
			case `\h`:
				out.WriteString(hexClass)
			case `\W`, `\H`:
				return false, "", "", 0, fmt.Errorf("%s within a class is not supported", escape)
			default:
				out.WriteString(withYoung(escape))
			}
			i = e
		default:
			_, w := utf8.DecodeRuneInString(expr[i:])
			out.WriteString(expr[i : i+w])
			i += w
		}
	}
	return false, "", "", 0, errors.New("a class is not closed")
}

// withYoung adds to \p{L} and the like the characters that are younger than Go's
// tables.
func withYoung(set string) string {
	for name, more := range young() {
		set = strings.ReplaceAll(set, `\p{`+name+`}`, `\p{`+name+`}`+more)
	}
	return set
}

// young holds, by category, the characters that the built-in patterns know and
// Go's tables do not.
var young = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for name, c := range map[string]struct {
		is  func(class) bool
		old *unicode.RangeTable
	}{
		"L":  {isLetter, unicode.L},
		"M":  {func(k class) bool { return k == mark }, unicode.M},
		"N":  {func(k class) bool { return k == number }, unicode.N},
		"Nd": {func(k class) bool { return k == number }, unicode.N},
		"Lu": {func(k class) bool { return k == upper }, unicode.L},
		"Ll": {func(k class) bool { return k == lower }, unicode.L},
		"Lo": {func(k class) bool { return k == letter }, unicode.L},
	} {
		var b strings.Builder
		for r := rune(0x80); r <= unicode.MaxRune; r++ {
			if !c.is(runeClass(r)) || unicode.Is(c.old, r) {
				continue
			}
			last := r
			for last < unicode.MaxRune && c.is(runeClass(last+1)) && !unicode.Is(c.old, last+1) {
				last++
			}
			fmt.Fprintf(&b, "%c-%c", r, last)
			r = last
		}
		out[name] = b.String()
	}
	return out
})
