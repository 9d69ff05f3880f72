package model

// Mistral is Llama with attention to a window (Jiang et al. 2023); Qwen2 (Yang et al. 2024) has
// biases of q, k and v, and Qwen3 (Yang et al. 2025) norms of each head of q and k instead.

func openMistral(c *config) (opened, error) {
	l := llamaFields(c, llamaDefaults{vocab: 32000, positions: 131072, hidden: 14336, kvHeads: 8})
	l.variant.class, l.variant.modelType = "Mistral", "mistral"
	if w := c.Int("sliding_window", 0); w > 0 {
		l.window(c, w, func(int) bool { return true })
	}
	return l.opened(c)
}

func openQwen2(c *config) (opened, error) {
	l := llamaFields(c, llamaDefaults{vocab: 151936, positions: 32768, hidden: 22016})
	l.variant.class, l.variant.modelType = "Qwen2", "qwen2"
	l.variant.qkvBias = true
	l.qwenWindows(c)
	return l.opened(c)
}

func openQwen3(c *config) (opened, error) {
	l := llamaFields(c, llamaDefaults{vocab: 151936, positions: 32768, hidden: 22016, headDim: 128})
	l.variant.class, l.variant.modelType = "Qwen3", "qwen3"
	bias := c.Bool("attention_bias", false)
	l.variant.qkvBias, l.variant.outBias, l.QKNorm = bias, bias, true
	l.qwenWindows(c)
	return l.opened(c)
}

// qwenWindows reads which layers attend to a window only: by layer_types, or before transformers
// 4.52 those from max_window_layers on.
func (l *openedLlama) qwenWindows(c *config) {
	on, from := c.Bool("use_sliding_window", false), c.Int("max_window_layers", 28)
	w := c.Int("sliding_window", 4096)
	if !on {
		c.Only("layer_types", repeated("full_attention", l.Layers))
		return
	}
	l.window(c, w, func(layer int) bool { return layer >= from })
}

// window gives the layers that layer_types names, or else by names, a window.
func (l *openedLlama) window(c *config, w int, by func(layer int) bool) {
	if l.Layers < 1 || l.Layers > mostLayers {
		return // the settings' own check names it
	}
	if w < 1 {
		c.refuse("sliding_window is %d, want 1 or more", w)
	}
	local := layerTypes(c, l.Layers, by)
	l.variant.windows = make([]int, l.Layers)
	for i, is := range local {
		if is {
			l.variant.windows[i] = w
		}
	}
}

// layerTypes reads which layers slide, from layer_types or, where it is absent, as by says.
func layerTypes(c *config, layers int, by func(layer int) bool) []bool {
	types := c.Strings("layer_types")
	if types != nil && len(types) != layers {
		c.refuse("layer_types has %d layers, num_hidden_layers is %d", len(types), layers)
		types = nil
	}
	local := make([]bool, layers)
	for i := range local {
		switch {
		case types == nil:
			local[i] = by(i)
		case types[i] == "sliding_attention":
			local[i] = true
		case types[i] != "full_attention":
			c.refuse("layer_types: %q is not supported, only full_attention and sliding_attention", types[i])
		}
	}
	return local
}

func repeated(s string, n int) []any {
	list := make([]any, min(max(n, 0), mostLayers))
	for i := range list {
		list[i] = s
	}
	return list
}
