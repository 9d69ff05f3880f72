package train

import (
	"fragua/model"
)

// A Choice is a setting written as `name: {settings}` or as a bare name, out of
// a table. It implements settings.Chooser.
type Choice[T any, Table interface{ Entries() map[string]func() T }] struct {
	Name  string
	Value T
}

// Variants implements settings.Chooser.
func (c *Choice[T, Table]) Variants() map[string]func() any {
	var table Table
	m := map[string]func() any{}
	for name, fresh := range table.Entries() {
		m[name] = func() any { return fresh() }
	}
	return m
}

// Choose implements settings.Chooser.
func (c *Choice[T, Table]) Choose(name string, settings any) {
	c.Name, c.Value = name, settings.(T)
}

// Chosen implements settings.Chooser.
func (c *Choice[T, Table]) Chosen() (string, any) { return c.Name, c.Value }

// choose sets the choice to an entry with its defaults.
func (c *Choice[T, Table]) choose(name string) {
	var table Table
	c.Name, c.Value = name, table.Entries()[name]()
}

type (
	// ArchChoice is a setting: one of model.LanguageArchs.
	ArchChoice = Choice[model.Arch, archTable]
	// AnyArchChoice is a setting: one of model.Archs.
	AnyArchChoice = Choice[model.Arch, anyArchTable]
	// OptimizerChoice is a setting: one of Optimizers.
	OptimizerChoice = Choice[OptimizerSettings, optimizerTable]
	// ScheduleChoice is a setting: one of Schedules.
	ScheduleChoice = Choice[ScheduleShape, scheduleTable]

	archTable      struct{}
	anyArchTable   struct{}
	optimizerTable struct{}
	scheduleTable  struct{}
)

func (archTable) Entries() map[string]func() model.Arch             { return model.LanguageArchs() }
func (anyArchTable) Entries() map[string]func() model.Arch          { return model.Archs() }
func (optimizerTable) Entries() map[string]func() OptimizerSettings { return Optimizers() }
func (scheduleTable) Entries() map[string]func() ScheduleShape      { return Schedules() }

// Architecture is the choice of an architecture with its defaults.
func Architecture(name string) (c ArchChoice) { c.choose(name); return c }

// Optimizing is the choice of an optimizer with its defaults.
func Optimizing(name string) (c OptimizerChoice) { c.choose(name); return c }

// Scheduling is the choice of a schedule with its defaults.
func Scheduling(name string) (c ScheduleChoice) { c.choose(name); return c }

// A ScheduleShape is the settings of a schedule. The share of the steps that warm up
// stands beside it in a stage's settings.
type ScheduleShape interface {
	Schedule(warmup, steps int64) Schedule
}

// Schedules is the table of schedules: name → settings with their defaults.
func Schedules() map[string]func() ScheduleShape {
	return map[string]func() ScheduleShape{
		"constant":           func() ScheduleShape { return &constantShape{} },
		"linear":             func() ScheduleShape { return &linearShape{} },
		"cosine":             func() ScheduleShape { return &cosineShape{Floor: 0.1} },
		"inverse_sqrt":       func() ScheduleShape { return &inverseSqrtShape{} },
		"wsd":                func() ScheduleShape { return &wsdShape{Decay: 0.2} },
		"slanted_triangular": func() ScheduleShape { return &slantedShape{Cut: 0.1, Ratio: 32} },
		"one_cycle":          func() ScheduleShape { return &oneCycleShape{Peak: 0.3, Start: 1.0 / 25, End: 4e-6} },
	}
}

type constantShape struct{}

type linearShape struct {
	Floor float64 `yaml:"floor" doc:"Factor of the rate at the end."`
}

type cosineShape struct {
	Floor float64 `yaml:"floor" doc:"Factor of the rate at the end."`
}

type inverseSqrtShape struct{}

type wsdShape struct {
	Decay float64 `yaml:"decay" doc:"Share of the steps in which the rate falls, at the end."`
	Floor float64 `yaml:"floor" doc:"Factor of the rate at the end."`
}

type slantedShape struct {
	Cut   float64 `yaml:"cut" doc:"Share of the steps in which the rate rises."`
	Ratio float64 `yaml:"ratio" doc:"The lowest rate is 1/ratio of the highest."`
}

type oneCycleShape struct {
	Peak  float64 `yaml:"peak" doc:"Share of the steps in which the rate rises."`
	Start float64 `yaml:"start" doc:"Factor of the rate at the first step."`
	End   float64 `yaml:"end" doc:"Factor of the rate at the end."`
}

func (constantShape) Schedule(warmup, _ int64) Schedule     { return Constant(warmup) }
func (s linearShape) Schedule(warmup, steps int64) Schedule { return Linear(warmup, steps, s.Floor) }
func (s cosineShape) Schedule(warmup, steps int64) Schedule { return Cosine(warmup, steps, s.Floor) }
func (inverseSqrtShape) Schedule(warmup, _ int64) Schedule  { return InverseSqrt(warmup) }
func (s wsdShape) Schedule(warmup, steps int64) Schedule {
	return WSD(warmup, decaySteps(s.Decay, steps), steps, s.Floor)
}
func (s slantedShape) Schedule(_, steps int64) Schedule {
	return SlantedTriangular(steps, s.Cut, s.Ratio)
}
func (s oneCycleShape) Schedule(_, steps int64) Schedule {
	return OneCycle(steps, s.Peak, s.Start, s.End)
}
