package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model/dynlib"
	"fragua/model/xla"
	"fragua/pipeline"
	"fragua/pipeline/cluster"
	"fragua/pipeline/fault"
)

var (
	deviceFlag = &cli.StringFlag{Name: "device", Usage: "`KIND` of device that trains: cpu, or by a PJRT plugin cuda, tpu or cpu-xla; cuda:2 shares each batch between two (experimental)"}
	pluginFlag = &cli.StringFlag{Name: "plugin", Usage: "`FILE` of the device's PJRT plugin (default: what " + xla.PluginVariable + " names, or pip has installed)"}
)

// openDevice opens what --device names; nil is the CPU.
func openDevice(c *cli.Context, cfg *pipeline.Config) (fmt.Stringer, error) {
	name, plugin := c.String("device"), c.String("plugin")
	if name == "" || name == "cpu" {
		if plugin != "" {
			return nil, fault.Hintf(usage("--plugin %s is of no use without a device", plugin), "--device %s", strings.Join(xla.Kinds(), ", or "))
		}
		return nil, nil
	}
	if s := cfg.Cluster; s != nil && s.On != cluster.Here {
		return nil, usage("--on %s and --device %s: tasks on other machines compute on their CPUs", s.On, name)
	}
	d, err := xla.ParseDevice(name)
	if err != nil {
		return nil, usage("--device: %w", err)
	}
	trains := false
	for _, e := range cfg.Stages {
		_, is := e.With.(pipeline.DeviceStage)
		trains = trains || is
	}
	if !trains {
		return nil, usage("--device %s: no stage of %s trains on a device", name, cfg.Name)
	}
	client, err := xla.Open(d, plugin)
	if err != nil {
		return nil, &fault.UsageError{Err: fmt.Errorf("--device %s: %w", name, err)}
	}
	return client, nil
}

// devices tells of each kind of device whether it opens, or what is missing.
func devices(row func(what, format string, args ...any)) {
	if _, err := dynlib.Open(""); errors.Is(err, dynlib.ErrStatic) {
		row("devices", "cpu; %s need a build with the tag %s (experimental: proven on CPU plugins only)", strings.Join(xla.Kinds(), ", "), dynlib.Tag)
		return
	}
	row("devices", "by PJRT plugins; experimental: proven on CPU plugins only")
	for _, kind := range xla.Kinds() {
		client, err := xla.Open(xla.Device{Kind: kind}, "")
		if err != nil {
			row("  "+kind, "%v; to install it: %s", err, xla.Install(kind))
			continue
		}
		row("  "+kind, "%v, %d of this host", client, client.Present())
	}
}
