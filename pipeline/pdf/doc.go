// Package pdf reads the text layer of PDF files.
//
//	bytes ─ pdfium ─▶ lines with their places ─ dropFurniture ─▶ lines ─ paragraphs ─▶ text
//
// PDFium, the reader of Chromium, runs as WebAssembly inside this process, without cgo: what
// a hostile file can reach is the module's own memory, of 1 GiB at most. Compiling it takes
// seconds, so the compiled code is kept in the user's cache folder.
//
// A PDF holds letters and their places, and neither words, lines nor paragraphs. PDFium finds
// the lines. A line break is the typesetter's if the next word had no room on the line; a
// paragraph ends at a wider gap, at another size of letters, at a line that had room, or before
// an indent. What stands at the top or at the bottom of many pages, numbers apart, is furniture
// and goes, and the sentence that it interrupts goes on.
package pdf
