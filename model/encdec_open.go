package model

import (
	"errors"
	"fragua/model/nn"
)

// encDecConfig is config.json as transformers' PegasusConfig has it.
type encDecConfig struct {
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`
	Vocab         int      `json:"vocab_size"`
	Positions     int      `json:"max_position_embeddings"`
	Width         int      `json:"d_model"`
	Encoder       int      `json:"encoder_layers"`
	Decoder       int      `json:"decoder_layers"`
	EncHeads      int      `json:"encoder_attention_heads"`
	DecHeads      int      `json:"decoder_attention_heads"`
	EncHidden     int      `json:"encoder_ffn_dim"`
	DecHidden     int      `json:"decoder_ffn_dim"`
	Activation    string   `json:"activation_function"`
	Dropout       float32  `json:"dropout"`
	Scale         bool     `json:"scale_embedding"`
	Tied          bool     `json:"tie_word_embeddings"`
	Cell          Cell     `json:"decoder_cell,omitempty"`
}

func (m *encDec) config() any {
	e, class, family := m.EncDec, "PegasusForConditionalGeneration", "pegasus"
	if e.variant.postNorm {
		class, family = "MarianMTModel", "marian"
	}
	cell := Cell("")
	if e.Cell == SSRU { // transformers has no class for it
		class, family, cell = "FraguaSSRU", ssruType, SSRU
	}
	return encDecConfig{[]string{class}, family, m.vocab, m.context, e.Width, e.Encoder, e.Decoder,
		e.Heads, e.Heads, e.Hidden, e.Hidden, "gelu_new", e.Dropout, true, true, cell}
}

// ssruType is the model_type of those with recurrent decoders.
const ssruType = "fragua_ssru"

// openSSRU reads what config wrote of a model with recurrent decoder blocks.
func openSSRU(c *config) (opened, error) {
	c.Only("decoder_cell", string(SSRU))
	return openEncDec(c, encDecVariant{class: "FraguaSSRU", modelType: ssruType})
}

func openPegasus(c *config) (opened, error) {
	c.Only("static_position_embeddings", true)
	c.Only("add_bias_logits", false)
	c.Only("add_final_layer_norm", true)
	c.Only("normalize_embedding", false)
	c.Only("extra_pos_embeddings", 0, 1)
	c.Harmless("attn_implementation")
	return openEncDec(c, encDecVariant{class: "Pegasus", modelType: "pegasus", logitBias: true})
}

// openMarian is OPUS-MT (Tiedemann and Thottingal 2020): the paper's transformer with swish.
func openMarian(c *config) (opened, error) {
	c.Only("static_position_embeddings", true)
	c.Only("add_bias_logits", false, true) // final_logits_bias is read either way
	c.Only("add_final_layer_norm", false)
	c.Only("normalize_embedding", false)
	c.Only("normalize_before", false)
	c.Only("share_encoder_decoder_embeddings", true)
	c.Only("decoder_vocab_size", c.Int("vocab_size", 58101))
	return openEncDec(c, encDecVariant{class: "Marian", modelType: "marian", postNorm: true, logitBias: true})
}

// openEncDec reads the fields that Pegasus and Marian share.
func openEncDec(c *config, v encDecVariant) (opened, error) {
	e := EncDec{Encoder: c.Int("encoder_layers", 12), Decoder: c.Int("decoder_layers", 12), Heads: c.Int("encoder_attention_heads", 16),
		Width: c.Int("d_model", 1024), Hidden: c.Int("encoder_ffn_dim", 4096), Dropout: float32(c.Float("dropout", .1))}
	vocab, positions := c.Int("vocab_size", 50265), c.Int("max_position_embeddings", 1024)
	v.decHeads, v.decHidden = c.Int("decoder_attention_heads", 16), c.Int("decoder_ffn_dim", 4096)
	v.noScale = !c.Bool("scale_embedding", false)
	c.Only("activation_function", nn.Activations...)
	v.activation = nn.Activation(c.String("activation_function", "gelu"))
	c.Only("tie_word_embeddings", true)
	c.Only("is_encoder_decoder", true)
	c.Only("num_hidden_layers", e.Encoder)
	c.Only("encoder_layerdrop", 0)
	c.Only("decoder_layerdrop", 0)
	c.Harmless("attention_dropout", "activation_dropout", // attention weights and activations are never dropped
		"init_std", "classif_dropout", "force_bos_token_to_be_generated")
	e.variant = v
	if v.modelType == ssruType {
		e.Cell = SSRU
	}
	f := faults(nil)
	f.positive("decoder_attention_heads", v.decHeads)
	f.positive("decoder_ffn_dim", v.decHidden)
	f.divides("decoder_attention_heads", v.decHeads, "d_model", e.Width)
	if err := errors.Join(f.err(v.modelType), checkSize(v.modelType, &e, vocab, positions), c.err()); err != nil {
		return opened{}, err
	}
	return opened{&e, vocab, positions, func(has names) Model {
		e.variant.logitBias = v.logitBias && has("final_logits_bias")
		return newEncDec(e, vocab, positions, nil)
	}}, nil
}
