package pipeline

// A Kind names what a stage leaves behind; stages fit together when the kind
// that one makes is the kind that the next one takes.
type Kind string

const (
	Documents   Kind = "documents"   // Parquet shards of texts
	Tokenizer   Kind = "tokenizer"   // tokenizer.json
	Blocks      Kind = "blocks"      // Arrow IPC files of token ids, and the tokenizer.json that made them
	Examples    Kind = "examples"    // Parquet shards of labelled texts or pairs
	Model       Kind = "model"       // config.json, model.safetensors, tokenizer.json
	Vectors     Kind = "vectors"     // vectors.parquet: words with a vector each
	Predictions Kind = "predictions" // Parquet shards of what a model said, and metrics.json
)
