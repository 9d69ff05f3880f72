package xla

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline/fault"
)

// A Device says what is to compute.
type Device struct {
	Kind  string // one of Kinds
	Count int    // how many of the host's; 0: one
}

// CPU is the kind whose device is this machine's processor.
const CPU = "cpu-xla"

// A kind of device: where Python packages put its plugin, and how it is installed.
type kind struct {
	name    string
	install string
	files   []string // below a folder of packages
	jax     string   // its name in PluginVariable
}

var kinds = []kind{
	{CPU, "pip install xla-cpu-pjrt", []string{"xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"}, "cpu"},
	{"cuda", "pip install 'jax[cuda13]'", []string{"jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"}, "cuda"},
	{"tpu", "pip install libtpu", []string{"libtpu/libtpu.so"}, "tpu"},
}

// Kinds are the kinds of devices that can be asked for.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// Install is the command that installs the plugin of a kind.
func Install(name string) string {
	for _, k := range kinds {
		if k.name == name {
			return k.install
		}
	}
	return ""
}

// ParseDevice reads KIND or KIND:COUNT.
func ParseDevice(s string) (d Device, err error) {
	name, count, many := strings.Cut(s, ":")
	d.Kind = name
	if many {
		d.Count, err = strconv.Atoi(count)
	}
	if err != nil || many && d.Count < 1 || !slices.Contains(Kinds(), name) {
		return d, fault.Hintf(fmt.Errorf("%q is no device", s), "cpu, %s; with :2 two of them", strings.Join(Kinds(), ", "))
	}
	return d, nil
}

// String is what ParseDevice reads.
func (d Device) String() string {
	if d.Count > 1 {
		return fmt.Sprintf("%s:%d", d.Kind, d.Count)
	}
	return d.Kind
}

// PluginVariable is the environment variable that names plugins, as JAX reads it: NAME:PATH,….
const PluginVariable = "PJRT_NAMES_AND_LIBRARY_PATHS"

// Find returns the plugin of a kind: the one at path if that is not empty, else the one that
// PluginVariable names, else the one that pip has installed: in the active virtual environment, for
// the user, or for all.
func Find(name, path string) (string, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return "", fmt.Errorf("%q is no kind of device", name)
	}
	k := kinds[i]
	if path == "" {
		path = k.named(os.Getenv(PluginVariable))
	}
	if path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("plugin of %s: %w", name, err)
		}
		return path, nil
	}
	for _, folder := range packages() {
		for _, f := range k.files {
			if p := filepath.Join(folder, filepath.FromSlash(f)); exists(p) {
				return p, nil
			}
		}
	}
	return "", fault.Hintf(errors.New("no plugin of "+name+" is installed"), "%s, or --plugin FILE.so, or %s=%s:FILE.so", k.install, PluginVariable, k.jax)
}

// named is the path that a list of NAME:PATH gives the kind.
func (k kind) named(list string) string {
	for _, entry := range strings.Split(list, ",") {
		if name, path, ok := strings.Cut(entry, ":"); ok && (name == k.jax || name == k.name) {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// packages are the folders into which pip installs.
func packages() (folders []string) {
	home, _ := os.UserHomeDir()
	roots := []string{os.Getenv("VIRTUAL_ENV"), os.Getenv("CONDA_PREFIX"), filepath.Join(home, ".local"), "/usr/local", "/usr"}
	for _, root := range roots {
		if root == "" {
			continue
		}
		for _, pattern := range []string{"lib/python3*/site-packages", "lib/python3*/dist-packages"} {
			found, _ := filepath.Glob(filepath.Join(root, pattern)) // the pattern is well formed
			folders = append(folders, found...)
		}
	}
	return folders
}
