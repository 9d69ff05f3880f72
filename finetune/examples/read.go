package examples

import (
	"fmt"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

// Read reads all shards of examples, by split.
func Read(dirs []pipeline.Dir) (map[string][]Example, error) {
	sets := map[string][]Example{}
	for _, s := range Splits {
		for _, d := range dirs {
			for _, name := range d.Files(s + "-*.parquet") {
				for row, err := range shard.Read[Example](name) {
					if err != nil {
						return nil, err
					}
					sets[s] = append(sets[s], row)
				}
			}
		}
	}
	return sets, nil
}

// CheckColumns reads the first row of a table to see that the columns exist: a
// name that is "" is not asked for.
func CheckColumns(name, text, label, target string) error {
	for _, err := range readTable(name, columns{text: text, label: label, target: target}) {
		return err
	}
	return fmt.Errorf("%s has no rows", name)
}
