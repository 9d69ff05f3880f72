package xla

import (
	"fmt"
	"runtime"
	"unsafe"

	"fragua/model/dynlib"
)

// Numbers of the functions in PJRT_Api, of which the order never changes: new ones are appended.
const (
	errorDestroy            = 0
	errorMessage            = 1
	pluginInitialize        = 3
	eventDestroy            = 5
	eventAwait              = 8
	clientCreate            = 10
	clientPlatformName      = 12
	clientPlatformVersion   = 14
	clientAddressable       = 16
	clientCompile           = 20
	clientBufferFromHost    = 22
	descriptionKind         = 26
	deviceDescription       = 29
	executableOutputs       = 44
	loadedExecutableDestroy = 50
	loadedExecutableInner   = 51
	loadedExecutableExecute = 55
	bufferDestroy           = 58
	bufferToHost            = 70
)

// An api is a plugin's table of functions: struct_size, extension_start and the version (a struct of
// 24 bytes), then the functions.
type api struct {
	base         unsafe.Pointer
	major, minor int32
}

const header = 16 + 24

// open loads a plugin.
func open(path string) (*api, error) {
	lib, err := dynlib.Open(path)
	if err != nil {
		return nil, err
	}
	get, err := lib.Symbol("GetPjrtApi")
	if err != nil {
		return nil, fmt.Errorf("%s is no PJRT plugin: %w", path, err)
	}
	a := &api{base: pointer(dynlib.Call(get))}
	if a.base == nil {
		return nil, fmt.Errorf("%s gives no PJRT_Api", path)
	}
	if n := int(*(*uintptr)(a.base)-header) / 8; n <= bufferToHost {
		return nil, fmt.Errorf("%s has %d functions of PJRT, which is too old", path, n)
	}
	version := (*[2]int32)(unsafe.Add(a.base, 16+16))
	a.major, a.minor = version[0], version[1]
	if err := a.call(pluginInitialize); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// call calls a function. All of them take one struct of struct_size, extension_start and fields of 8
// bytes, into which they write their results. What fields point to must be pinned.
func (a *api) call(function int, fields ...*uintptr) error {
	args := make([]uintptr, 2+len(fields))
	args[0] = uintptr(len(args)) * 8
	for i, f := range fields {
		if f != nil {
			args[2+i] = *f
		}
	}
	var pin runtime.Pinner
	pin.Pin(&args[0])
	e := dynlib.Call(*(*uintptr)(unsafe.Add(a.base, header+8*function)), uintptr(unsafe.Pointer(&args[0])))
	pin.Unpin()
	for i, f := range fields {
		if f != nil {
			*f = args[2+i]
		}
	}
	if e == 0 || function <= errorMessage {
		return nil
	}
	var message, length uintptr
	a.call(errorMessage, &e, &message, &length)
	err := fmt.Errorf("pjrt: %s", text(message, length))
	a.call(errorDestroy, &e)
	return err
}

// await waits for an event and destroys it.
func (a *api) await(event uintptr) error {
	err := a.call(eventAwait, &event)
	a.call(eventDestroy, &event)
	return err
}

// pointer is memory of the plugin, which the garbage collector does not know.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// text copies n bytes.
func text(p, n uintptr) string {
	if p == 0 || n == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(pointer(p)), n))
}

// A pinned keeps what C reads where it is, for the time of one call.
type pinned struct{ runtime.Pinner }

func (p *pinned) words(w []uintptr) uintptr {
	if len(w) == 0 {
		return 0
	}
	p.Pin(&w[0])
	return uintptr(unsafe.Pointer(&w[0]))
}

func (p *pinned) bytes(b []byte) uintptr {
	if len(b) == 0 {
		return 0
	}
	p.Pin(&b[0])
	return uintptr(unsafe.Pointer(&b[0]))
}
