package serve

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"slices"

	"fragua/finetune"
	"fragua/finetune/examples"
)

// texts reads a text or a list of texts.
func texts(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return []string{v}, nil
	case []any:
		var out []string
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, refuse(http.StatusBadRequest, "input holds something that is no text")
			}
			out = append(out, s)
		}
		if len(out) > 0 && len(out) <= 2048 {
			return out, nil
		}
	}
	return nil, refuse(http.StatusBadRequest, "input is a text, or a list of 1 to 2048 texts")
}

func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Model  string `json:"model"`
		Input  any    `json:"input"`
		Format string `json:"encoding_format"`
		User   string `json:"user"`
	}
	if err := read(r, &q); err != nil {
		return err
	}
	m, err := s.find(q.Model)
	if err != nil {
		return err
	}
	input, err := texts(q.Input)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"", "float", "base64"}, q.Format) {
		return refuse(http.StatusBadRequest, "encoding_format %q is not supported, only float and base64", q.Format)
	}
	if m.encoder == nil {
		return refuse(http.StatusBadRequest, "%s gives no embeddings; an encoder, or a language model with f32 weights, does", m.Name)
	}
	data, tokens := []any{}, 0
	for i, text := range input {
		if r.Context().Err() != nil {
			return nil
		}
		v, n, err := m.embed(text)
		if err != nil {
			return err
		}
		tokens += n
		var vector any = v
		if q.Format == "base64" { // what OpenAI's client for Python asks for: float32, the least byte first
			b, _ := binary.Append(nil, binary.LittleEndian, v)
			vector = base64.StdEncoding.EncodeToString(b)
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vector})
	}
	return writeJSON(w, map[string]any{"object": "list", "model": m.Name, "data": data, "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}

// embed is the vector of a text, and how many ids it has.
func (m *Model) embed(text string) ([]float32, int, error) {
	ids, err := m.tok.AppendIDs(nil, text)
	if err != nil {
		return nil, 0, refuse(http.StatusBadRequest, "%v", err)
	}
	ids = m.tok.WithTemplate(ids)
	longest := m.encoder.Context()
	if m.pooling.Longest > 0 {
		longest = min(longest, m.pooling.Longest)
	}
	if len(ids) == 0 || len(ids) > longest {
		return nil, 0, refuse(http.StatusBadRequest, "a text has %d tokens, the model reads 1 to %d", len(ids), longest)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pooling.Embed(m.encoder, ids), len(ids), nil
}

// predict answers texts with a fine-tuned model of a goal.
func (s *Server) predict(r *http.Request, classes bool) (*Model, []finetune.Prediction, error) {
	var q struct {
		Model string `json:"model"`
		Input any    `json:"input"`
	}
	if err := read(r, &q); err != nil {
		return nil, nil, err
	}
	m, err := s.find(q.Model)
	if err != nil {
		return nil, nil, err
	}
	input, err := texts(q.Input)
	if err != nil {
		return nil, nil, err
	}
	if m.predictor == nil || (m.predictor.Labels() != nil || m.predictor.Numbers()) != classes {
		return nil, nil, refuse(http.StatusBadRequest, "%s was not fine-tuned for this", m.Name)
	}
	var set []examples.Example
	for _, text := range input {
		set = append(set, examples.Example{ID: "text", Text: examples.Tidy(text)})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	got, err := m.predictor.Answer(r.Context(), set)
	return m, got, err
}

func (s *Server) classify(w http.ResponseWriter, r *http.Request) error {
	m, got, err := s.predict(r, true)
	if err != nil {
		return err
	}
	out := []any{}
	for _, g := range got {
		if g.TooLong {
			return refuse(http.StatusBadRequest, "a text is longer than the model's context")
		}
		if m.predictor.Numbers() {
			out = append(out, map[string]any{"value": json.Number(g.Got)})
			continue
		}
		probs := map[string]float32{}
		for i, label := range m.predictor.Labels() {
			if i < len(g.Probs) {
				probs[label] = g.Probs[i]
			}
		}
		out = append(out, map[string]any{"label": g.Got, "probabilities": probs})
	}
	return writeJSON(w, map[string]any{"model": m.Name, "data": out})
}

func (s *Server) translate(w http.ResponseWriter, r *http.Request) error {
	m, got, err := s.predict(r, false)
	if err != nil {
		return err
	}
	out := []any{}
	for _, g := range got {
		if g.TooLong {
			return refuse(http.StatusBadRequest, "a text is longer than the model's context")
		}
		out = append(out, map[string]any{"translation": g.Got})
	}
	return writeJSON(w, map[string]any{"model": m.Name, "data": out})
}

func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Model string `json:"model"`
		Text  string `json:"text"`
	}
	if err := read(r, &q); err != nil {
		return err
	}
	m, err := s.find(q.Model)
	if err != nil {
		return err
	}
	if m.tok == nil {
		return refuse(http.StatusBadRequest, "%s has no tokenizer of its own here", m.Name)
	}
	ids, err := m.tok.AppendIDs([]int32{}, q.Text)
	if err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	tokens := []string{}
	for _, id := range ids {
		s, _ := m.tok.Token(id)
		tokens = append(tokens, s)
	}
	return writeJSON(w, map[string]any{"model": m.Name, "ids": ids, "tokens": tokens})
}
