package pipeline

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// apply carries out one `--set stage.key=value` on the document.
func apply(d *settings.Decoder, root *yaml.Node, set string) {
	a, ok := d.ParseAssignment(set, "write --set stage.key=value, for example --set bpe.vocab_size=8192")
	if !ok || root.Kind != yaml.MappingNode {
		return // reported already, or told when the root is decoded
	}
	name := a.Key[0]
	if len(a.Key) == 1 {
		if top := []string{"seed", "max_failures", "max_failed_files", "description"}; !slices.Contains(top, name) {
			d.Refuse(a, "a setting of a stage is named stage.key; of the whole: "+fault.Listed(top), "%q is no setting of the whole configuration", name)
			return
		}
		d.Assign(root, a.Key, a)
		return
	}
	if name == "cluster" {
		d.Assign(root, a.Key, a)
		return
	}
	stages := settings.Child(root, "stages")
	if stages == nil || stages.Kind != yaml.SequenceNode {
		return
	}
	var names []string
	for _, e := range stages.Content {
		n := settings.Child(e, "name")
		if n == nil {
			continue
		}
		if n.Value == name {
			d.Assign(e, append([]string{"with"}, a.Key[1:]...), a)
			return
		}
		names = append(names, n.Value)
	}
	d.Refuse(a, fault.DidYouMean(name, "stages", names), "no stage is named %q", name)
}
