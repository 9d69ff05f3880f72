// Package gguf reads and writes GGUF, the file of llama.cpp: one file that holds a model's settings,
// its tokenizer and its arrays, many of them in blocks of few bits.
//
//	"GGUF" version=3 #arrays #keys
//	key = type, value           …        numbers, texts, lists of them
//	array = name, shape, type, offset …  shapes are written innermost first
//	padding to the alignment, then the data of each array, each aligned
//
// A block is 32 numbers, or 256 in the types with K:
//
//	F32 F16 BF16     plain numbers
//	Q4_0   18 bytes  d; 32 × 4 bits                x = d·(q − 8)
//	Q4_1   20 bytes  d, m; 32 × 4 bits             x = d·q + m
//	Q8_0   34 bytes  d; 32 × int8                  x = d·q
//	Q4_K  144 bytes  d, m; 8 scales and minima of 6 bits; 256 × 4 bits   x = d·s·q − m·l
//	Q6_K  210 bytes  256 × 6 bits; 16 scales of int8; d                  x = d·s·(q − 32)
//
// Source: ggml's docs/gguf.md and ggml-common.h.
package gguf
