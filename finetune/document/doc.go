// Package document finds the texts in a file and puts translations in their places.
//
// A file is a sequence of pieces: bytes that stay as they are, and texts. What is not text
// (markup, numbers of subtitles, code, white space, blank lines) is never read by a model, so it
// cannot be lost. Within a text, what must stay as it is (placeholders, tags, addresses) is
// checked after translating: see Translate.
package document
