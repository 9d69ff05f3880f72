package extract

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// ours lists the tokens of a page; with their attributes, those that are kept.
func ours(page string) (list []string) {
	z := tokenizer{page: plainLines(page)}
	for {
		switch z.next() {
		case tokenEnd:
			return list
		case tokenText:
			list = appendText(list, z.text)
		case tokenStart:
			list = append(list, "<"+or(z.tag.String(), z.custom)+fmt.Sprint(z.attrs))
		case tokenEndTag:
			list = append(list, "</"+or(z.tag.String(), z.custom))
		}
	}
}

// appendText joins neighbouring texts: where a page is cut, "<" is one of its own.
func appendText(list []string, text string) []string {
	if n := len(list); n > 0 && strings.HasPrefix(list[n-1], "text ") {
		list[n-1] += text
		return list
	}
	return append(list, "text "+text)
}

// theirs lists those of golang.org/x/net/html, as far as a page needs them.
func theirs(page string) (list []string) {
	z := html.NewTokenizer(strings.NewReader(plainLines(page)))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return list
		case html.TextToken:
			list = appendText(list, string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			attrs := []htmlAttr{}
			for more {
				var key, val []byte
				key, val, more = z.TagAttr()
				if used, ok := usedAttrs[string(key)]; ok {
					attrs = append(attrs, htmlAttr{used, string(val)})
				}
			}
			list = append(list, "<"+tag+fmt.Sprint(attrs))
		case html.EndTagToken:
			name, _ := z.TagName()
			list = append(list, "</"+string(name))
		}
	}
}

// leavesComment: of <script><!--<< the package believes that the comment ends at "<<",
// against section 13.2.5.20 of the standard.
var leavesComment = regexp.MustCompile(`(?is)<script.*<!--.*<([^a-z/]|$)`)

// TestTokens holds the tokens of pages to those of golang.org/x/net/html.
func TestTokens(t *testing.T) {
	pages := []string{
		"", "<", "</", "a<b", "a < b <= c", "<p", "<p class=x", "<p class='x", "<a href=x>b</a>", "<P CLASS=A id='b' ID=c>d</P >", "<br/>a<img alt=b/>",
		"<p =a class=b>c", "<p class = b id>c", "<p class\n=\n'a'/>", "<a/b/class=c>", "&amp;&lt;p&gt;", "<p class='a&amp;b&copy=c'>&copy;x&#65;</p>",
		"<!-- a --><b>", "<!--><b>", "<!---><b>", "<!-- a --!><b>", "<!-- a -- b ---><b>", "<!-- open <b>", "<!doctype html><b>", "<!x<b>", "<?xml a?><b>", "</ a><b>", "</><b>", "</3><b>",
		"<script>a<b</script>c", "<script><!--<script>a</script>b--></script>c", "<script><!-- a </script>b", "<script>a</scriptx></SCRIPT >b", "<script>open",
		"<title>a &amp; <b></title>c", "<textarea><p>&lt;</textarea>d", "<style>a{}</style>b", "<iframe><p></iframe>c", "<xmp><p></xmp>c", "<plaintext>a<b></plaintext>",
		"<x-card class=a>b</x-card>", "a\r\nb\rc", "a\x00b", "<p a=1 a=2 class=a class=b>", "</p class=a>b", "</p", "<p/", "<ſcript>a", "é<é>b</é>",
	}
	for _, page := range pages {
		if got, want := fmt.Sprintf("%q", ours(page)), fmt.Sprintf("%q", theirs(page)); got != want {
			t.Errorf("%q\n got %s\nwant %s", page, got, want)
		}
	}
	parts := []string{"<", ">", "</", "/>", "<!--", "-->", "--!>", "<!", "<?", "p", "div", "script", "title", "noscripts", "<script>", "</script>", "<p ", "</p>", "<title>",
		"</title>", "class", "=", "'", `"`, " ", "\n", "a", "Id", "&amp;", "&lt;", "-", "x-y", "é", "<b>", "</b>"}
	rapid.Check(t, func(t *rapid.T) {
		page := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 40).Draw(t, "page"), "")
		if leavesComment.MatchString(page) {
			return
		}
		if got, want := fmt.Sprintf("%q", ours(page)), fmt.Sprintf("%q", theirs(page)); got != want {
			t.Fatalf("%q\n got %s\nwant %s", page, got, want)
		}
	})
}

func FuzzTokens(f *testing.F) {
	f.Add("<p class=a>b<!-- c --></p><script><!--<script></script>")
	f.Fuzz(func(t *testing.T, page string) {
		z := tokenizer{page: plainLines(page)}
		for n := 0; z.next() != tokenEnd; n++ {
			if n > len(page)+1 {
				t.Fatal("more tokens than bytes")
			}
		}
	})
}
