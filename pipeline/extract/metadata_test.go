package extract

import (
	"context"
	"testing"
)

func TestMetadata(t *testing.T) {
	type facts struct{ title, author, date, language, url string }
	const text = `<p>Enough words for a page that has something to say, and says it in one sentence.</p>`
	for name, test := range map[string]struct {
		in   string
		want facts
	}{
		"meta": {`<html lang="es-MX"><head><title>El puente | Diario</title><meta name="author" content="Ana Campo"><meta property="og:title" content="El puente">
			<meta property="article:published_time" content="2019-05-07T10:00:00Z"><link rel="canonical" href="https://diario.example/puente"></head><body>` + text,
			facts{"El puente", "Ana Campo", "2019-05-07", "es", "https://diario.example/puente"}},
		"JSON-LD": {`<script type="application/ld+json">{"@graph": [{"@type": "NewsArticle", "datePublished": "2021-02-03", "author": [{"name": "Ana &amp; Eva"}, {"name": "Leo"}]}]}</script>` + text,
			facts{author: "Ana & Eva, Leo", date: "2021-02-03"}},
		"microdata": {`<h1>A bridge</h1><span itemprop="author">Leo Hill</span><time itemprop="datePublished" datetime="2020-01-02">yesterday</time>` + text,
			facts{title: "A bridge", author: "Leo Hill", date: "2020-01-02"}},
		"broken JSON-LD":           {`<title>A bridge</title><script type="application/ld+json">{"@type": "NewsArticle", "datePublished": </script>` + text, facts{title: "A bridge"}},
		"a title inside a drawing": {`<body><svg><title>logo</title></svg>` + text, facts{}},
	} {
		p, err := MainText(context.Background(), []byte(test.in))
		if got := (facts{p.Title, p.Author, p.Date, p.Language, p.URL}); got != test.want || err != nil {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, test.want)
		}
	}
}
