// Package chat writes conversations as a model's chat template does, and says which part of the
// text is the assistant's.
//
//	in:  messages of roles system, user and assistant; a Jinja template, of tokenizer_config.json,
//	     chat_template.jinja or a GGUF file
//	out: the text that transformers' apply_chat_template writes, as pieces: what is to be learned
//	     and what is only read
package chat
