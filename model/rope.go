package model

import (
	"math"

	"fragua/model/kernel"
)

// rope is the rotary positions of a layer: angles per position, and what the rotated queries and
// keys are multiplied by (YaRN's attention factor).
type rope struct {
	frequencies []float64
	factor      float64
}

func plainRope(dim int, theta float64) rope { return rope{kernel.RoPEFrequencies(dim, theta), 1} }

// readRope reads rope_parameters as transformers 5 writes them, or rope_theta and rope_scaling of
// versions before, for heads of dim features.
func readRope(c *config, dim, positions int, theta float64) rope {
	theta = c.Float("rope_theta", theta)
	partial := c.Float("partial_rotary_factor", 1)
	for _, name := range []string{"rope_parameters", "rope_scaling"} {
		if o := c.Object(name); o != nil {
			r := parseRope(o, dim, positions, theta, partial)
			c.Close(name, o)
			return r
		}
	}
	if partial != 1 {
		c.refuse("partial_rotary_factor is %g, which is not supported, only 1", partial)
	}
	return plainRope(dim, theta)
}

// readLayerRopes reads the rotary positions of models whose layers are of two kinds: those that see
// everything and those that see a window. transformers before 5 has a base for each, and a
// rope_scaling of the first kind, or of both.
func readLayerRopes(c *config, dim, positions int, fullTheta, localTheta float64, both bool) (full, local rope) {
	full, local = rope{factor: 1}, rope{factor: 1}
	if dim < 2 || !(fullTheta > 1 && localTheta > 1) {
		c.refuse("rotary positions of %d features with bases %g and %g", dim, fullTheta, localTheta)
		return full, local
	}
	kind := func(o *config, name string, theta float64) rope {
		p := o.Object(name)
		if p == nil {
			return plainRope(dim, theta)
		}
		defer o.Close(name, p)
		return parseRope(p, dim, positions, theta, 1)
	}
	if o := c.Object("rope_parameters"); o != nil {
		full, local = kind(o, "full_attention", fullTheta), kind(o, "sliding_attention", localTheta)
		c.Close("rope_parameters", o)
		return full, local
	}
	full, local = kind(c, "rope_scaling", fullTheta), plainRope(dim, localTheta)
	if both {
		local = kind(c, "rope_scaling", localTheta)
	}
	return full, local
}

// parseRope is transformers' modeling_rope_utils: default, linear (Chen et al. 2023), dynamic,
// llama3 (Llama 3.1) and yarn (Peng et al. 2023). Others are refused.
func parseRope(o *config, dim, positions int, theta, partial float64) rope {
	kind := o.String("rope_type", o.String("type", "default"))
	theta = o.Float("rope_theta", theta)
	if p := o.Float("partial_rotary_factor", partial); p != 1 {
		o.refuse("partial_rotary_factor is %g, which is not supported, only 1", p)
	}
	if !(theta > 1) || dim < 2 || positions < 1 {
		return rope{factor: 1} // the settings' own check names it
	}
	r := plainRope(dim, theta)
	factor := func() float64 {
		f := o.Float("factor", 0)
		if !(f >= 1) {
			o.refuse("factor is %g, want 1 or more", f)
			return 1
		}
		return f
	}
	switch kind {
	case "default":
	case "linear":
		f := factor()
		for i := range r.frequencies {
			r.frequencies[i] /= f
		}
	case "dynamic": // within max_position_embeddings, which is fragua's limit, it changes nothing
		factor()
	case "llama3":
		llama3Rope(o, r.frequencies, factor(), positions)
	case "yarn":
		return yarnRope(o, dim, positions, theta)
	default:
		o.refuse("rope_type %q is not supported, only default, linear, dynamic, llama3 and yarn", kind)
		o.known = everything(o)
	}
	return r
}

// everything marks all fields as known, where naming them would only add noise.
func everything(o *config) map[string]bool {
	for name := range o.raw {
		o.known[name] = true
	}
	return o.known
}

// llama3Rope divides low frequencies by factor, keeps high ones and interpolates between.
func llama3Rope(o *config, frequencies []float64, factor float64, positions int) {
	low, high := o.Float("low_freq_factor", 1), o.Float("high_freq_factor", 4)
	old := float64(o.Int("original_max_position_embeddings", positions))
	if !(low > 0 && high > low && old > 0) {
		o.refuse("low_freq_factor %g, high_freq_factor %g and original_max_position_embeddings %g do not rise", low, high, old)
		return
	}
	for i, f := range frequencies {
		switch wavelength := 2 * math.Pi / f; {
		case wavelength > old/low:
			frequencies[i] = f / factor
		case wavelength >= old/high:
			smooth := (old/wavelength - low) / (high - low)
			frequencies[i] = (1-smooth)*f/factor + smooth*f
		}
	}
}

// yarnRope is Peng et al. 2023, section 3.2: interpolate the features that turn less than
// beta_slow times in the original context, keep those that turn more than beta_fast times.
func yarnRope(o *config, dim, positions int, theta float64) rope {
	old := float64(o.Int("original_max_position_embeddings", positions))
	if !(old > 0) {
		o.refuse("original_max_position_embeddings is %g, want more than 0", old)
		return plainRope(dim, theta)
	}
	factor := o.Float("factor", float64(positions)/old)
	fast, slow := o.Float("beta_fast", 32), o.Float("beta_slow", 1)
	mscale, all := o.Float("mscale", 0), o.Float("mscale_all_dim", 0)
	truncate := o.Bool("truncate", true)
	magnitude := func(m float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*m*math.Log(factor) + 1
	}
	attention := magnitude(1)
	if mscale != 0 && all != 0 {
		attention = magnitude(mscale) / magnitude(all)
	}
	attention = o.Float("attention_factor", attention)
	if !(factor > 0 && fast > 0 && slow > 0 && attention > 0) {
		o.refuse("factor %g, beta_fast %g, beta_slow %g and attention_factor %g are not all above 0", factor, fast, slow, attention)
		return plainRope(dim, theta)
	}
	// corner is the feature that turns this many times.
	corner := func(turns float64) float64 {
		return float64(dim) * math.Log(old/(turns*2*math.Pi)) / (2 * math.Log(theta))
	}
	low, high := corner(fast), corner(slow)
	if truncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(dim-1))
	if low == high {
		high += 0.001
	}
	r := plainRope(dim, theta)
	r.factor = attention
	for i, f := range r.frequencies {
		ramp := max(0, min(1, (float64(i)-low)/(high-low)))
		r.frequencies[i] = f/factor*ramp + f*(1-ramp)
	}
	return r
}

// table tabulates the angles, one table for layers with the same.
func (r rope) table(context int) *kernel.RoPE { return kernel.NewRoPE(context, r.frequencies) }
