package tokenize

import (
	"slices"
	"testing"
)

// What Hugging Face tokenizers 0.23.3 makes of expressions in Oniguruma's syntax:
//
//	pre_tokenizers.Split(Regex(expr), "isolated").pre_tokenize_str(text)
func TestOniguruma(t *testing.T) {
	for _, c := range []struct {
		expr, text string
		want       []string
	}{
		{` ?[^(\s|[.,!?…。，、।۔،])]+`, "Hola, (sí) mundo… fin", []string{"Hola", ", (", "sí", ")", " mundo", "…", " fin"}},
		{`[\p{L}&&[^a-m]]+`, "from zebras", []string{"f", "ro", "m ", "z", "eb", "r", "a", "s"}},
		{`[[:punct:]]`, "a+b, €5", []string{"a", "+", "b", ",", " ", "€", "5"}},
		{`\h+`, "decaf zone 7F", []string{"decaf", " zon", "e", " ", "7F"}},
		{`\b`, "one, dos", []string{"one", ", ", "dos"}},
		{`\w+|[^\w\s]+`, "x² Ⓐ½ a\u20dd_b", []string{"x²", " ", "Ⓐ½", " ", "a\u20dd_b"}},
		{`\p{N}{2}+`, "12345", []string{"1234", "5"}},
		{`(?m:a.b)`, "a\nb c", []string{"a\nb", " c"}},
		{`\p{L}+`, "Ꟛꟛ 𐵐x", []string{"Ꟛꟛ", " ", "𐵐x"}},
	} {
		p, err := regexPattern(c.expr)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, s := range behave(regexSpans(p.re, c.text), "Isolated", false) {
			if s.end > s.start {
				got = append(got, c.text[s.start:s.end])
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: %q, want %q", c.expr, c.text, got, c.want)
		}
	}
	for _, expr := range []string{`[a[^b]]`, `[\W]`, `[^a&&[b]]`, `[[:graph:]]`, `[abc`} {
		if _, err := regexPattern(expr); err == nil {
			t.Errorf("%s: no error", expr)
		}
	}
}
