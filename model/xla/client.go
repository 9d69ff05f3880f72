package xla

import (
	"fmt"
	"strings"
	"unsafe"

	"fragua/pipeline/fault"
)

// A Client is a plugin with its devices.
type Client struct {
	version string
	api     *api
	handle  uintptr
	devices []uintptr
	present int
}

// Open starts a client for devices of a kind. The plugin is the one at path, or else the one that is
// found (see Find).
func Open(d Device, path string) (*Client, error) {
	path, err := Find(d.Kind, path)
	if err != nil {
		return nil, err
	}
	a, err := open(path)
	if err != nil {
		return nil, err
	}
	var pin pinned
	defer pin.Unpin()
	var options, count uintptr
	if d.Kind == CPU && d.Count > 1 { // the CPU is as many devices as one likes
		options, count = pin.words(integerOption(&pin, "cpu_device_count", d.Count)), 1
	}
	c := &Client{api: a}
	if err := a.call(clientCreate, &options, &count, nil, nil, nil, nil, &c.handle, nil, nil); err != nil {
		return nil, fault.Hintf(fmt.Errorf("%s does not start: %w", path, err), "fragua doctor says what each kind of device needs")
	}
	var list, n uintptr
	if err := a.call(clientAddressable, &c.handle, &list, &n); err != nil {
		return nil, err
	}
	all := unsafe.Slice((*uintptr)(pointer(list)), n)
	if int(n) < max(d.Count, 1) {
		return nil, fmt.Errorf("--device %s: %s has %d devices", d, path, n)
	}
	c.present = int(n)
	c.devices = append(c.devices, all[:max(d.Count, 1)]...)
	c.version = fmt.Sprintf("%s, PJRT %d.%d, %s", d, a.major, a.minor, c.platform())
	return c, nil
}

// integerOption is a PJRT_NamedValue.
func integerOption(pin *pinned, name string, value int) []uintptr {
	const size, int64Kind = 56, 1
	return []uintptr{size, 0, pin.bytes([]byte(name)), uintptr(len(name)), int64Kind, uintptr(value), 1}
}

// platform is the name and the version of the plugin's platform, and the kind of the first device.
func (c *Client) platform() string {
	var name, nameLen, version, versionLen, description, kind, kindLen uintptr
	c.api.call(clientPlatformName, &c.handle, &name, &nameLen)
	c.api.call(clientPlatformVersion, &c.handle, &version, &versionLen)
	c.api.call(deviceDescription, &c.devices[0], &description)
	c.api.call(descriptionKind, &description, &kind, &kindLen)
	s := text(name, nameLen)
	for _, part := range []string{text(version, versionLen), text(kind, kindLen)} {
		if part != "" && !strings.Contains(s, part) {
			s += " " + part
		}
	}
	return s
}

// String says what computes: the devices, the plugin's PJRT and its platform. Numbers of two versions
// may differ in their last bits.
func (c *Client) String() string { return c.version }

// Devices is how many devices run a program at once.
func (c *Client) Devices() int { return len(c.devices) }

// Present is how many devices the host has, in use or not.
func (c *Client) Present() int { return c.present }

// An Executable is a compiled program.
type Executable struct {
	client  *Client
	handle  uintptr
	outputs int
}

// Compile compiles StableHLO for all devices of the client, each a replica.
func (c *Client) Compile(program string) (*Executable, error) {
	const (
		integer, message = 0, 2 // wire types of protocol buffers

		// fields of CompileOptionsProto and of its ExecutableBuildOptionsProto
		buildOptions               = 3
		ordinal, replicas, parties = 1, 4, 5
	)
	build := varint([]byte{ordinal<<3 | integer}, ^uint64(0)) // -1: any
	build = varint(append(build, replicas<<3|integer), uint64(len(c.devices)))
	build = varint(append(build, parties<<3|integer), 1)
	options := append(varint([]byte{buildOptions<<3 | message}, uint64(len(build))), build...)

	var pin pinned
	defer pin.Unpin()
	const size = 48
	code, format := []byte(program), []byte("mlir")
	described := pin.words([]uintptr{size, 0, pin.bytes(code), uintptr(len(code)), pin.bytes(format), uintptr(len(format))})
	optionsAt, length := pin.bytes(options), uintptr(len(options))
	e := &Executable{client: c}
	if err := c.api.call(clientCompile, &c.handle, &described, &optionsAt, &length, &e.handle); err != nil {
		return nil, err
	}
	var inner, n uintptr
	if err := c.api.call(loadedExecutableInner, &e.handle, &inner); err != nil {
		return nil, err
	}
	if err := c.api.call(executableOutputs, &inner, &n); err != nil {
		return nil, err
	}
	e.outputs = int(n)
	return e, nil
}

func varint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// Free gives the program's memory back.
func (e *Executable) Free() { e.client.api.call(loadedExecutableDestroy, &e.handle) }

// Run runs the program; arguments has those of each device. It returns the results of each, once they
// are there. Buffers that the program takes over are gone; their Free is still to be called.
func (e *Executable) Run(arguments [][]*Buffer) ([][]*Buffer, error) {
	var pin pinned
	defer pin.Unpin()
	n := len(e.client.devices)
	args, outs, events := make([]uintptr, n), make([]uintptr, n), make([]uintptr, n)
	results := make([][]uintptr, n)
	for r := range n {
		row := make([]uintptr, len(arguments[r]))
		for i, b := range arguments[r] {
			row[i] = b.handle
		}
		results[r] = make([]uintptr, e.outputs)
		args[r], outs[r] = pin.words(row), pin.words(results[r])
	}
	const optionWords = 15 // PJRT_ExecuteOptions, all defaults
	options := pin.words(append([]uintptr{optionWords * 8}, make([]uintptr, optionWords-1)...))
	argsAt, outsAt, eventsAt := pin.words(args), pin.words(outs), pin.words(events)
	devices, count := uintptr(n), uintptr(len(arguments[0]))
	err := e.client.api.call(loadedExecutableExecute, &e.handle, &options, &argsAt, &devices, &count, &outsAt, &eventsAt, nil)
	if err != nil {
		return nil, err
	}
	all := make([][]*Buffer, n)
	for r := range n {
		if e := e.client.api.await(events[r]); e != nil && err == nil {
			err = e
		}
		for _, handle := range results[r] {
			all[r] = append(all[r], &Buffer{e.client, handle})
		}
	}
	if err != nil {
		for _, bs := range all {
			for _, b := range bs {
				b.Free()
			}
		}
		return nil, err
	}
	return all, nil
}
