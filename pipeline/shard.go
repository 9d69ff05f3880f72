package pipeline

import (
	"path"
)

// files lists the shards that match a pattern.
func (d Dir) files(patterns []string) []string {
	var out []string
	if d.Manifest == nil {
		return nil
	}
	for _, s := range d.Manifest.Shards {
		for _, p := range patterns {
			if ok, _ := path.Match(p, s.Name); ok {
				out = append(out, d.File(s.Name))
				break
			}
		}
	}
	return out
}
