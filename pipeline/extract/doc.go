// Package extract makes text out of bytes.
//
//	bytes ─ Decode ─▶ text ─ Gutenberg ─▶ body ─ Unwrap ─▶ paragraphs ─ Chapters ─▶ chapters
//	bytes ─ HTML ───▶ Page: title, author, date, language, main text
//	text  ─ Repair ─▶ text without mojibake, invisible characters, stray whitespace
//
// Everything that comes out is valid UTF-8. Text has one layout throughout:
//
//	paragraph            a line ends with "\n", a block with a blank line;
//	                     a line inside a block is verse, a list item or <pre>
//	paragraph
//
// Main text of web pages is found by go-readability. Mean F1 over pages, on words
// in lower case counted as a bag, against go-trafilatura v1.12 without and with
// its fallback, and against all visible text:
//
//	                                        readability  trafilatura  visible
//	mozilla/readability test pages (130)    .997         .931, .957   .862
//	article-extraction-benchmark (181)      .954         .956, .957   .757
//
// Taking all visible text where the article has less than 40 % of it was
// measured too, and does not pay: .948 and .873. So it is taken only where no
// article is found at all.
//
// The package knows no documents, files or settings: it takes bytes and
// strings, never panics on them, and its time is bounded by their size.
package extract
