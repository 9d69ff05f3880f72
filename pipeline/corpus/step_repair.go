package corpus

import "fragua/pipeline/extract"

// Repair puts encoding and white space in order; see extract.Repair.
type Repair struct {
	Mojibake bool `yaml:"mojibake" doc:"Undo UTF-8 that was read as Windows-1252: Ã© becomes é."`
}

// NewRepair returns a Repair with its defaults.
func NewRepair() *Repair { return &Repair{Mojibake: true} }

// Apply repairs text, title and author.
func (s *Repair) Apply(d *Document) (Drop, error) {
	repair := extract.Tidy
	if s.Mojibake {
		repair = extract.Repair
	}
	d.Text, d.Title, d.Author = repair(d.Text), repair(d.Title), repair(d.Author)
	return Drop{}, nil
}
