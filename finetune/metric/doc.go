// Package metric scores answers against references.
//
//	in:   pairs of strings, or pairs of class names
//	out:  BLEU and chrF as sacrebleu computes them, to the last digit;
//	      accuracy, precision, recall, F1 and a confusion matrix as scikit-learn does;
//	      half widths of 95 % intervals, by Wilson's formula or by the bootstrap
//
// It knows nothing of models, files or examples.
package metric
