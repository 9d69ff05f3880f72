package pipeline

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/cluster"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// A Table names the stages: `use` → constructor that sets the defaults. A stage
// is a pointer to a struct whose fields carry yaml tags.
type Table map[string]func() Stage

// A Config is a whole configuration, checked.
type Config struct {
	Name           string  // the file's name without its ending: it names the run
	Description    string  // for people
	Seed           uint64  // of all that is drawn
	MaxFailures    float64 // share of rows that may fail before a stage stops
	MaxFailedFiles int     // raw files that need not be readable to their end
	Dir            string  // what relative paths resolve against
	Stages         []*Entry

	Cluster *cluster.Settings // who runs the tasks; nil: nothing is said

	outside map[string]Dir // finished stages of other runs that `from` names
	d       *settings.Decoder
}

// An Entry is one stage of a configuration.
type Entry struct {
	Name string
	Use  string
	From map[string][]string // Input.Name → names of earlier stages, or folders of finished ones
	With Stage

	path string // "stages[2]"
}

// Entry returns the stage of that name, or nil.
func (c *Config) Entry(name string) *Entry {
	for _, e := range c.Stages {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Names lists the stages in their order.
func (c *Config) Names() []string {
	names := make([]string, len(c.Stages))
	for i, e := range c.Stages {
		names[i] = e.Name
	}
	return names
}

type fileYAML struct {
	Description    string      `yaml:"description" doc:"What this configuration makes, for people."`
	Seed           uint64      `yaml:"seed" doc:"Seed of all that is drawn; the same seed gives the same bytes."`
	MaxFailures    float64     `yaml:"max_failures" doc:"Share of rows that may fail to be read before a stage stops."`
	MaxFailedFiles int         `yaml:"max_failed_files" doc:"How many raw files may be unreadable before a stage stops: damaged, cut short, or of another kind than their source."`
	Stages         []entryYAML `yaml:"stages" doc:"What to do, in this order."`

	Cluster *clusterYAML `yaml:"cluster" doc:"Who runs the tasks, and what they need there; no result depends on it."`
}

// clusterYAML is the cluster's settings with their defaults.
type clusterYAML struct {
	cluster.Settings `yaml:",inline"`
}

// SetDefaults is called before the settings are read.
func (c *clusterYAML) SetDefaults() { c.Settings = cluster.Default() }

type entryYAML struct {
	Name string     `yaml:"name" doc:"Name of the stage and of its folder."`
	Use  string     `yaml:"use" doc:"Which kind of stage it is."`
	From *yaml.Node `yaml:"from" doc:"Stages whose output it reads: a list, or a map from input to stage. Left out: the latest earlier ones that fit."`
	With *yaml.Node `yaml:"with" doc:"Its settings."`
}

const defaultMaxFailures = 0.01

// Check finds what the types of the top level cannot show.
func (f *fileYAML) Check() []fault.Fault {
	var faults []fault.Fault
	if f.MaxFailures < 0 || f.MaxFailures > 1 {
		faults = append(faults, fault.Fault{Path: "max_failures", Hint: "0.01 means one row in a hundred",
			Err: fmt.Sprintf("max_failures is %v, but it is a share, between 0 and 1", f.MaxFailures)})
	}
	if f.MaxFailedFiles < 0 {
		faults = append(faults, fault.Fault{Path: "max_failed_files", Err: fmt.Sprintf("max_failed_files is %d, but it is a number of files", f.MaxFailedFiles), Hint: "0 allows none"})
	}
	if len(f.Stages) == 0 {
		faults = append(faults, fault.Fault{Path: "stages", Err: "there are no stages", Hint: "begin with: stages: [{name: corpus, use: ingest, with: {…}}]"})
	}
	return faults
}

// Parse reads a configuration, applies `--set` flags (stage.key=value), and
// checks all of it but the raw files (see CheckFiles). name stands in messages;
// relative paths, also those in flags, resolve against dir. The error is a *UsageError around a
// *ConfigError that tells all faults at once.
func Parse(name string, src []byte, dir string, table Table, sets []string) (*Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := settings.NewDecoder(name, src, dir)
	c := &Config{
		Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)),
		Dir:  dir, outside: map[string]Dir{}, d: d,
	}
	if root := d.Root("a configuration begins with stages:, a list; see `fragua config list`"); root != nil {
		for _, set := range sets {
			apply(d, root, set)
		}
		f := fileYAML{MaxFailures: defaultMaxFailures}
		d.Decode(root, &f, "")
		c.Description, c.Seed, c.MaxFailures, c.MaxFailedFiles = f.Description, f.Seed, f.MaxFailures, f.MaxFailedFiles
		if f.Cluster != nil {
			c.Cluster = &f.Cluster.Settings
		}
		for i, e := range f.Stages {
			c.add(table, e, fmt.Sprintf("stages[%d]", i))
		}
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// add checks one entry and appends it. Later entries can refer to it even if
// it has faults, so that one fault is not reported twice.
func (c *Config) add(table Table, e entryYAML, path string) {
	d := c.d
	entry := &Entry{Name: e.Name, Use: e.Use, path: path}
	if slices.ContainsFunc(d.Faults, func(f fault.Placed) bool { return f.Path == path }) {
		c.Stages = append(c.Stages, entry) // it is no map at all
		return
	}
	known := c.Entry(e.Name)
	switch why := nameFault(e.Name); {
	case d.HasFault(path + ".name"):
	case e.Name == "":
		d.FaultAt(path+".name", "add name: …, the folder in which its output will lie", "this stage has no name")
	case why != "":
		d.FaultAt(path+".name", "take letters, digits, - and _", "%q cannot name a folder: %s", e.Name, why)
	case known != nil:
		d.FaultAt(path+".name", "every stage has a folder of its own", "a stage named %q stands further up", e.Name)
	default:
		if i := slices.IndexFunc(c.Stages, func(o *Entry) bool { return strings.EqualFold(o.Name, e.Name) }); i >= 0 {
			d.FaultAt(path+".name", "some file systems take their folders for the same", "%q and %q differ in case alone", c.Stages[i].Name, e.Name)
		}
	}
	var names []string
	for name := range table {
		names = append(names, name)
	}
	construct, ok := table[e.Use]
	switch {
	case d.HasFault(path + ".use"):
	case e.Use == "":
		d.FaultAt(path+".use", fault.DidYouMean("", "one of", names), "this stage does not say what it is: use: … is missing")
	case !ok:
		d.FaultAt(path+".use", fault.DidYouMean(e.Use, "known stages", names), "unknown stage %q", e.Use)
	default:
		entry.With = construct()
		c.hintWith(entry)
		d.Decode(e.With, entry.With, path+".with")
		c.connect(entry, e.From)
	}
	c.Stages = append(c.Stages, entry)
}

// hintWith improves the hint of an unknown key that is a setting of the stage,
// but stands beside `with` instead of in it.
func (c *Config) hintWith(e *Entry) {
	keys := settings.Keys(e.With)
	for i, f := range c.d.Faults {
		key, ok := strings.CutPrefix(f.Path, e.path+".")
		if ok && slices.Contains(keys, key) {
			c.d.Faults[i].Hint = fmt.Sprintf("settings stand below with: {%s: …}", key)
		}
	}
}

// nameFault says why a name cannot be that of a folder, or "".
func nameFault(name string) string {
	for i, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		case i > 0 && (r == '-' || r == '_'):
		case i == 0:
			return fmt.Sprintf("it begins with %q", r)
		default:
			return fmt.Sprintf("it holds %q", r)
		}
	}
	if len(name) > 64 {
		return "it is longer than 64 letters"
	}
	switch lower := strings.ToLower(name); {
	case slices.Contains([]string{"con", "prn", "aux", "nul"}, lower),
		len(lower) == 4 && (lower[:3] == "com" || lower[:3] == "lpt") && lower[3] >= '0' && lower[3] <= '9':
		return "Windows keeps it for a device"
	}
	return ""
}

// CheckFiles asks every stage that reads raw files for them, and places what is
// missing as Parse places faults.
func (c *Config) CheckFiles() error {
	c.d.Reset()
	for _, e := range c.Stages {
		if r, ok := e.With.(RawInputs); ok {
			_, err := r.Reads()
			for _, f := range fault.Of(err) {
				c.d.FaultAt(settings.Join(e.path+".with", f.Path), f.Hint, "%s", f.Err)
			}
		}
	}
	return c.d.Err()
}

// ResolvedYAML writes the configuration as it is in force: every default and
// every `from` spelled out, paths as they were written. Parse reads it back.
func (c *Config) ResolvedYAML() []byte { return c.resolvedYAML(nil) }

// resolvedYAML is ResolvedYAML with a comment above each stage that has one.
func (c *Config) resolvedYAML(comments map[string]string) []byte {
	top := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	put := func(n *yaml.Node, key string, value *yaml.Node) {
		n.Content = append(n.Content, settings.TextNode(key), value)
	}
	if c.Description != "" {
		put(top, "description", settings.TextNode(c.Description))
	}
	put(top, "seed", settings.Resolved(c.Seed))
	put(top, "max_failures", settings.Resolved(c.MaxFailures))
	put(top, "max_failed_files", settings.Resolved(c.MaxFailedFiles))
	stages := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, e := range c.Stages {
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: comments[e.Name]}
		put(n, "name", settings.TextNode(e.Name))
		put(n, "use", settings.TextNode(e.Use))
		if len(e.From) > 0 {
			put(n, "from", settings.Resolved(e.From))
		}
		if with := settings.Resolved(e.With); len(with.Content) > 0 {
			put(n, "with", with)
		}
		stages.Content = append(stages.Content, n)
	}
	put(top, "stages", stages)
	if c.Cluster != nil {
		put(top, "cluster", settings.Resolved(c.Cluster))
	}
	var b bytes.Buffer
	w, err := yaml.NewDumper(&b, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err == nil {
		err = w.Dump(top)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("pipeline: resolved settings do not encode: %v", err)) // our own nodes always do
	}
	return b.Bytes()
}
