package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"fragua/model"
	"fragua/model/safetensors"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
	"fragua/tokenize"
	"fragua/tokenize/chat"
)

// shardLimit is how large a file of weights becomes, as in transformers.
const shardLimit = 2 << 30

// kept are the files of a folder that go along as they are, beside the weights.
var kept = []string{"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
	"tokenizer.model", "spiece.model", "chat_template.jinja", "generation_config.json",
	"modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json", "README.md"}

// Folder writes a model as transformers' save_pretrained does, weights as "float32", "float16" or
// "bfloat16": config.json, safetensors (sharded above 2 GB), and a tokenizer that AutoTokenizer
// opens with its special tokens. A GGUF file becomes such a folder, too.
func Folder(from, to, dtype string) error {
	return folder(from, to, dtype, shardLimit)
}

func folder(from, to, dtype string, limit int64) error {
	kind, ok := safetensors.Types[dtype]
	if !ok {
		return fmt.Errorf("there are no weights of %q, only float32, float16 and bfloat16", dtype)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	file, err := model.GGUFFile(from)
	if err != nil {
		return err
	}
	if file == "" {
		if _, err := model.Open(from); err != nil { // what is no whole model is refused
			return err
		}
		for _, name := range kept {
			if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
				return err
			}
		}
		if _, err := os.Stat(filepath.Join(to, "README.md")); err != nil {
			if err := copyFile(filepath.Join(from, "MODEL_CARD.md"), filepath.Join(to, "README.md")); err != nil {
				return err
			}
		}
		if err := config(from, to, dtype); err != nil {
			return err
		}
		if err := weights(from, to, kind, limit); err != nil {
			return err
		}
	} else if err := fromGGUF(file, to, dtype, kind, limit); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(to, "tokenizer_config.json")); err == nil {
		return nil
	}
	if _, err := os.Stat(filepath.Join(to, "tokenizer.json")); err != nil && file == "" {
		return nil // a model without a tokenizer.json is a model still
	}
	tok, err := tokenize.Load(from)
	if err != nil {
		return err
	}
	return tok.SaveAll(to)
}

// fromGGUF saves the model, then converts it in place.
func fromGGUF(file, to, dtype, kind string, limit int64) error {
	m, err := model.Open(file)
	if err != nil {
		return err
	}
	if err := model.Save(to, m, model.Extra{End: -1}); err != nil {
		return err
	}
	if template, err := chat.Source(file); err != nil {
		return err
	} else if template != "" {
		if err := writeBytes(filepath.Join(to, chat.TemplateFile), []byte(template)); err != nil {
			return err
		}
	}
	if kind == "F32" {
		return nil
	}
	if err := config(to, to, dtype); err != nil {
		return err
	}
	return weights(to, to, kind, limit)
}

// config copies config.json with the type of the weights.
func config(from, to, dtype string) error {
	b, err := os.ReadFile(filepath.Join(from, model.ConfigFile))
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // numbers stay as they are written
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return &fault.RowError{File: filepath.Join(from, model.ConfigFile), Row: -1, Err: err}
	}
	delete(fields, "torch_dtype")
	fields["dtype"] = dtype
	return writeJSON(filepath.Join(to, model.ConfigFile), fields)
}

// weights copies all arrays, those of heads as well.
func weights(from, to, kind string, limit int64) error {
	set, err := safetensors.OpenFolder(from)
	if err != nil {
		return err
	}
	defer set.Close()
	width := int64(4)
	if kind != "F32" {
		width = 2
	}
	plan := safetensors.PlanShards(set.Names(), func(name string) int64 {
		info, _ := set.Info(name)
		n := width
		for _, d := range info.Shape {
			n *= int64(d)
		}
		return n
	}, limit)
	for i, names := range plan.Files {
		var arrays []safetensors.Array
		for _, name := range names {
			v, shape, err := set.Float32(name)
			if err != nil {
				return err
			}
			a, err := safetensors.Convert(name, kind, shape, v)
			if err != nil {
				return fmt.Errorf("%s: %w", set.Path(), err)
			}
			arrays = append(arrays, a)
		}
		if err := store.WriteFile(filepath.Join(to, plan.Name(i)), func(w io.Writer) error {
			return safetensors.Write(w, arrays, map[string]string{"format": "pt"})
		}); err != nil {
			return err
		}
	}
	index, err := plan.Index()
	if err != nil || index == nil {
		return err
	}
	return writeBytes(filepath.Join(to, safetensors.IndexFile), index)
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer src.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return store.WriteFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
}

func writeBytes(path string, b []byte) error {
	return store.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

func writeJSON(path string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return writeBytes(path, b.Bytes())
}
