// Package extract makes text out of bytes.
//
//	bytes ─ Decode ─▶ text ─ Gutenberg ─▶ body ─ PageFurniture ─▶ body ─ Unwrap ─▶ paragraphs ─ Chapters ─▶ chapters
//	bytes ─ HTML ───▶ Page: title, author, date, language, main text
//	text  ─ Repair ─▶ text without mojibake, invisible characters, stray whitespace
//
// Everything that comes out is valid UTF-8. Text has one layout throughout:
//
//	paragraph            a line ends with "\n", a block with a blank line;
//	                     a line inside a block is verse, a list item or <pre>
//	paragraph
//
// # Main text of web pages
//
//	bytes ─ tokenizer ─▶ tags ─ parseTree ─▶ nodes ─ segment ─▶ blocks ─ newLayout ─▶ measures ─ sample ─▶ features
//	features ─ Classifier ─▶ probabilities ─ choose ─▶ main text, expected F1
//
// The tree (htmltoken.go, dom.go) is built in linear time and memory. Its text is cut into the
// blocks that a reader sees (segment.go). Two passes of boosted trees give each block
// a probability of being main text (sample.go, classifier.go); the blocks with the
// greatest expected F1 are chosen (choose) and written as text or Markdown (render.go).
//
// The classifier, maintext.weights, is our own work, trained on the development pages
// of WCXB (Web Content Extraction Benchmark, CC BY 4.0: 1,497 pages of seven types
// with their main text). No text of a page is in it. It is trained by one command, which
// gives the same bytes for the same pages and code:
//
//	go run ./cmd/bench webtext -train pipeline/extract/maintext.weights WCXB
//
// On trafilatura's own test pages the F1 over strings that must and must not be found is
// .928. No classifier was trained on these 990 pages, but features and the thresholds of
// choose were compared on them, so that the figure is a little too good for pages that
// nobody has looked at:
//
//	go run ./cmd/bench webtext --python python3 TRAFILATURA/tests
//
// Trained on half the sites of WCXB and judged on the other half, the mean F1 of words
// is .871: article .950, documentation .938, service .854, forum .747, collection .721,
// listing .712, product .697. With -folds 5 each page is judged by a classifier trained
// on the other four fifths of the sites:
//
//	go run ./cmd/bench webtext -folds 5 WCXB
//
// The package knows no documents, files or settings: it takes bytes and
// strings, never panics on them, and its time is bounded by their size.
package extract
