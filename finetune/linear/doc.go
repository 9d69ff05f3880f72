// Package linear classifies texts by their n-grams, and vectors by their
// components: the baselines that a network must beat, and its partners.
//
//	in:   texts or dense vectors, and the index of the class of each
//	out:  a Model that gives every class a log-probability
//
// A Spec says which n-grams are counted (words or characters), how they are
// weighted (naive-Bayes ratios or TF-IDF) and what is minimised (logistic or
// squared hinge loss, with L2). More than two classes are one against the rest.
// Pool combines the log-probabilities of several models, or calibrates one.
//
// It knows nothing of examples, models of networks, or files.
package linear
