// Package export writes what others read: a Hugging Face folder, a GGUF file with an Ollama
// Modelfile, word vectors, an ARPA file, and data sets as JSON Lines, CSV, or a folder that
// datasets.load_dataset opens.
package export
