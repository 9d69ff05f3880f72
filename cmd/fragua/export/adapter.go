package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fragua/model"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

// adapterFolder is where a fine-tuning with `adapt: {lora: {…}}` keeps its adapter.
const adapterFolder = "adapter"

// Adapter writes the adapter of a fine-tuning for PEFT, with the tokenizer, and in the folder base
// the model that it belongs to:
//
//	PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("TO/base"), "TO")
func Adapter(from, to, dtype string) error {
	dir := filepath.Join(from, adapterFolder)
	b, err := os.ReadFile(filepath.Join(dir, model.AdapterConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Hintf(fmt.Errorf("%s has no adapter", from), "a fine-tuning with `adapt: {lora: {}}` makes one; without --format the whole model is written")
	} else if err != nil {
		return err
	}
	base, err := model.AdapterBase(dir)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // numbers stay as they are written
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return &fault.RowError{File: filepath.Join(dir, model.AdapterConfigFile), Row: -1, Err: err}
	}
	fields["base_model_name_or_path"] = "base"
	if err := Folder(base, filepath.Join(to, "base"), dtype); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(to, model.AdapterConfigFile), fields); err != nil {
		return err
	}
	if err := copyFile(filepath.Join(dir, model.AdapterWeightsFile), filepath.Join(to, model.AdapterWeightsFile)); err != nil {
		return err
	}
	tok, err := tokenize.Load(from)
	if err != nil {
		return err
	}
	return tok.SaveAll(to)
}
