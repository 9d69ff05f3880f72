// Package report makes one HTML file of a run.
//
// What flows in is a run directory: run.json, resolved.yaml, each stage's
// manifest and metrics.json, and the shards of documents, rejects and
// predictions. What flows out is a page that needs no network and no script, in
// light, dark and print, on wide screens and narrow ones:
//
//	results        the headline figures beside their baselines
//	the rows       what each phase read, dropped by each rule and kept, with the sum
//	the data       sources, languages, licences, lengths, checksums of the corpus
//	each stage     its figures, curves, confusion matrix with the texts behind it,
//	               samples, translations, and samples of what each rule dropped
//	the run        times, tasks, files; the configuration in force
//
// What comes from a file is escaped by html/template; the page forbids scripts
// (Content-Security-Policy) as well.
//
// # What stages leave in metrics.json
//
// The types are in package pipeline (Metrics). So that every stage reads well:
//
//   - A figure is told with its N (rows measured) and, where it is a mean or a
//     share, with PlusMinus, half of its 95 % interval.
//   - A baseline is a Figure of the same name, right behind the one it is a
//     baseline to, whose Note says what it is: "majority", "naive Bayes",
//     "4-gram", "copy of the source".
//   - Shares are between 0 and 1, and have the unit "share" or "share of …": they
//     are printed as percentages. Counts have no unit or a noun in the plural.
//   - Curves with the same Y are drawn into one picture; what is constant, such
//     as the n-gram's bits per byte, is a curve of one or two points, drawn as a
//     line across.
//   - A sample's Title says where it comes from ("step 200, temperature 0.8").
package report
