// Fragua makes language models of raw text, stage by stage: books and web pages become
// clean Parquet shards, a BPE tokenizer, packed blocks, a pretrained transformer, and a
// fine-tuned one that judges sentiment or translates.
//
//	fragua run quickstart
//	fragua finetune --model runs/quickstart/base --data reviews.csv --text review --label stars
package main
