// Package fault says what went wrong, where, and what to do about it.
//
//	Fault        one wrong setting: its path, the sentence, a hint
//	Placed       a Fault with file, line, column and the line's text
//	ConfigError  all Faults of a configuration, printed with carets
//	RowError     an error at a row of a data file
//	Hint         any error with its remedy
//	UsageError   wrong usage or configuration: exit code 2
//
// Nearest and DidYouMean find the name that a misspelled one stands for.
package fault
