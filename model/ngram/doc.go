// Package ngram is a language model that counts: interpolated modified
// Kneser-Ney over ids.
//
// What flows in are streams of ids, each a document or sentence that closes
// with one end id; what flows out is log p(id | the ids before). It is the
// figure that a neural model has to beat, and cheap enough to judge millions of
// documents.
//
// Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language
// Modeling" (1999), section 3.4 and equations 23 to 26; with the details of
// KenLM (Heafield et al., "Scalable Modified Kneser-Ney Language Model
// Estimation", 2013), whose probabilities it gives to within 2e-6:
//
//	a(g)    of the highest order, or if g begins a stream: how often g occurs;
//	        else how many different ids stand before g
//	n_k     how many g of an order have a(g) = k;  Y = n₁ / (n₁ + 2n₂)
//	D_k     k - (k+1) · Y · n_{k+1} / n_k,  k = 1, 2, 3 and more
//	b(h)    (D₁N₁(h) + D₂N₂(h) + D₃N₃₊(h)) / Σ_x a(hx)
//	p(w|h)  (a(hw) - D(a(hw))) / Σ_x a(hx) + b(h) · p(w|h′)
//
// where h′ is h without its first id, and below the unigrams lies 1/vocab. What
// was never seen has p(w|h) = b(h) · p(w|h′).
//
// The model is a trie, one level an order, in flat arrays: the children of a
// node are the ids that followed it, ascending.
//
//	level 1   node i is id i; node vocab is the beginning of a stream
//	level k   ids   []uint32   what stands last in the n-gram
//	          logp  []float32  natural logarithm of its probability
//	          logb  []float32  of its back-off weight (none at the highest order)
//	          first []uint32   where its children begin in level k+1; one more than nodes
//
// Counting and smoothing take at most about 75 bytes for each different n-gram
// of every order, the finished model at most 16; the streams are not kept.
// Eleven million tokens of order 4 took 10 seconds on 2 cores, validation included.
package ngram
