// Package studio is a page in the browser for looking at runs and playing with
// models.
//
// What flows in are run directories and the table of stages; what flows out is an
// http.Handler. Pages are Go templates with a little JavaScript, without a build
// step and without the network:
//
//	/            the runs, and recipes to start
//	/run         one run: its stages, report, rows, models
//	/rows        rows of a stage's shards or rejects: filter, sort, search, pages
//	/row         one row in full; for a document, what became of it
//	/blocks      packed tokens in colour, with the bounds of documents
//	/compare     several runs: what differs in their settings, figures, curves
//	/play        a model: generate, classify, translate, neighbours, a map of words
//	/recipe      edit, check and start a configuration; /job follows it
//
// It answers on loopback alone, to requests for its own host that carry the token
// of its address or the cookie that the token sets. A page from elsewhere cannot
// read from it, nor start anything (see guard).
package studio
