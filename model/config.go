package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A config reads config.json field by field. Each field is honoured (Int, Float, Bool, String,
// Object), accepted at one value only (Only), or known to change nothing (Harmless); err names
// every other field, so that none is ignored in silence. null counts as absent.
type config struct {
	raw    map[string]json.RawMessage
	known  map[string]bool
	faults []error
}

// harmless are the fields of transformers' PreTrainedConfig that do not change what a model
// computes: records of how it was made, ids for tokenizer and generation, and names of labels.
var harmless = []string{
	"_name_or_path", "name_or_path", "architectures", "auto_map", "base_model_prefix", "model_type", "transformers_version",
	"dtype", "torch_dtype", "torchscript", "tf_legacy_loss", "use_bfloat16", "unsloth_version", "unsloth_fixed",
	"_attn_implementation", "_attn_implementation_autoset", "attn_implementation", "_flash_attn_2_enabled",
	"initializer_range", "gradient_checkpointing", "chunk_size_feed_forward", "use_cache", "return_dict",
	"output_attentions", "output_hidden_states", "output_past", "output_scores", "return_dict_in_generate",
	"bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "tokenizer_class", "prefix",
	"id2label", "label2id", "num_labels", "_num_labels", "problem_type", "finetuning_task", "task_specific_params", "classifier_dropout",
	// Defaults of generate, as versions before 4.30 saved them.
	"max_length", "min_length", "max_new_tokens", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
	"diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty",
	"no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "bad_words_ids",
	"begin_suppress_tokens", "suppress_tokens", "num_return_sequences", "remove_invalid_values", "normalize_before",
	"forced_bos_token_id", "forced_eos_token_id", "decoder_start_token_id",
	"fragua", extraKey, // ours
}

func parseConfig(b []byte) (*config, error) {
	c := &config{known: map[string]bool{}}
	if err := json.Unmarshal(b, &c.raw); err != nil {
		return nil, err
	}
	for name, v := range c.raw {
		if bytes.Equal(bytes.TrimSpace(v), []byte("null")) {
			delete(c.raw, name)
		}
	}
	c.Harmless(harmless...)
	c.Only("pruned_heads", map[string]any{})
	c.Only("is_decoder", false)
	c.Only("add_cross_attention", false)
	c.Only("tie_encoder_decoder", false)
	c.Only("cross_attention_hidden_size")
	c.Only("quantization_config", int8Weights)
	return c, nil
}

// field decodes one field into v and reports whether it is there.
func (c *config) field(name string, v any) bool {
	c.known[name] = true
	raw, ok := c.raw[name]
	if !ok {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		c.faults = append(c.faults, fmt.Errorf("%s is %s: %w", name, raw, err))
		return false
	}
	return true
}

// Int returns a field, or fallback where it is absent.
func (c *config) Int(name string, fallback int) int {
	var v int
	if c.field(name, &v) {
		return v
	}
	return fallback
}

// Float returns a field, or fallback where it is absent.
func (c *config) Float(name string, fallback float64) float64 {
	var v float64
	if c.field(name, &v) {
		return v
	}
	return fallback
}

// Bool returns a field, or fallback where it is absent.
func (c *config) Bool(name string, fallback bool) bool {
	var v bool
	if c.field(name, &v) {
		return v
	}
	return fallback
}

// String returns a field, or fallback where it is absent.
func (c *config) String(name, fallback string) string {
	var v string
	if c.field(name, &v) {
		return v
	}
	return fallback
}

// Strings returns a list of texts, nil where it is absent.
func (c *config) Strings(name string) []string {
	var v []string
	c.field(name, &v)
	return v
}

// Object returns a field that has fields of its own, nil where it is absent. What it holds and
// nobody reads is a fault of the whole.
func (c *config) Object(name string) *config {
	o := &config{known: map[string]bool{}}
	if !c.field(name, &o.raw) {
		return nil
	}
	for key, v := range o.raw {
		if string(v) == "null" {
			delete(o.raw, key)
		}
	}
	return o
}

// Close adds the faults of an object that was read under name.
func (c *config) Close(name string, o *config) {
	if err := o.err(); err != nil {
		c.faults = append(c.faults, fmt.Errorf("%s: %w", name, err))
	}
}

// Only accepts a field that is absent or has one of these values.
func (c *config) Only(name string, values ...any) {
	var v any
	if !c.field(name, &v) {
		return
	}
	got, _ := json.Marshal(v)
	var want []string
	for _, w := range values {
		b, _ := json.Marshal(w)
		if bytes.Equal(got, b) {
			return
		}
		want = append(want, string(b))
	}
	if len(want) == 0 {
		want = []string{"null"}
	}
	c.refuse("%s is %s, which is not supported, only %s", name, got, strings.Join(want, " or "))
}

// Harmless accepts fields that change nothing of what fragua computes.
func (c *config) Harmless(names ...string) {
	for _, n := range names {
		c.known[n] = true
	}
}

func (c *config) refuse(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

// err is all faults, and each field that nobody asked for.
func (c *config) err() error {
	faults := c.faults
	for _, name := range slices.Sorted(maps.Keys(c.raw)) {
		if !c.known[name] {
			faults = append(faults, fmt.Errorf("field %q is not known for this model_type; delete it if it changes nothing", name))
		}
	}
	return errors.Join(faults...)
}
