// Package serve answers programs over HTTP as OpenAI's API does: models, completions, chat and
// embeddings, and beside them classes, translations and ids.
//
//	request ─ limits, key, origin ─ queue of the model ─ engine: all texts in one batch, one id a step each ─ events
//
// A model has one engine, the only goroutine that touches it. What does not fit into the context is
// refused, a full queue is answered 429 at once, and a shutdown lets the texts under way end.
package serve
