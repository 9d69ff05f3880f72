package finetune

// A Prediction is what a model said of one example: a row of a predictions shard.
type Prediction struct {
	ID    string    `parquet:"id"`
	Input string    `parquet:"input,zstd"`
	Want  string    `parquet:"want"`       // the label or the reference; empty if there is none
	Got   string    `parquet:"got"`        // the label or the translation
	Probs []float32 `parquet:"probs,list"` // per class, in the order of the model's labels; empty for texts

	Labels []string `parquet:"-"` // those of Got, where a text may have several

	Hypotheses []Hypothesis `parquet:"-"` // of a translation: what the search found, the best first

	TooLong bool `parquet:"-"` // it did not fit into the context, and was to be left out: there is no answer
}

// A Hypothesis is one translation that the search found.
type Hypothesis struct {
	Text    string
	LogProb float64 // in nats, the end included
	Score   float64 // LogProb divided by the length penalty: what hypotheses are ordered by
}
