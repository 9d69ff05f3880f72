package mpi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
	"unsafe"

	"fragua/model/dynlib"
	"fragua/model/kernel"
	"fragua/pipeline/fault"
)

// A World is the processes that mpiexec started together. Calls are collective: all processes make
// the same ones in the same order, from one goroutine at a time.
type World struct {
	Rank, Size int

	functions       map[string]uintptr
	send, got, part []float32 // what Sum works in
}

// Constants of the ABI (mpi.h of MPI 5, annex A).
const (
	commWorld        = 0x101
	typeFloat        = 0x210
	typeByte         = 0x247
	threadSerialized = 2048
)

// variables are those by which launchers tell a process that it is one of several: MPICH's Hydra and
// Slurm, and Open MPI.
var variables = []string{"PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE"}

// Launched reports whether mpiexec started this process.
func Launched() bool {
	for _, v := range variables {
		if os.Getenv(v) != "" {
			return true
		}
	}
	return false
}

const library = "libmpi_abi.so.1"

// Join takes this process into its world.
func Join() (*World, error) {
	lib, err := openLibrary()
	if err != nil {
		return nil, err
	}
	w := &World{functions: map[string]uintptr{}}
	for _, name := range []string{"Init_thread", "Finalize", "Comm_rank", "Comm_size", "Bcast", "Ibcast", "Test", "Alltoall", "Allgather"} {
		if w.functions[name], err = lib.Symbol("MPI_" + name); err != nil {
			return nil, fmt.Errorf("%s is no library of MPI 5: %w", library, err)
		}
	}
	var provided, rank, size int32
	var pin runtime.Pinner
	defer pin.Unpin()
	for _, p := range []*int32{&provided, &rank, &size} {
		pin.Pin(p)
	}
	if err := w.call("Init_thread", 0, 0, threadSerialized, uintptr(unsafe.Pointer(&provided))); err != nil {
		return nil, err
	}
	if provided < threadSerialized {
		return nil, errors.New("this library of MPI cannot be called from more than one thread")
	}
	if err := errors.Join(w.call("Comm_rank", commWorld, uintptr(unsafe.Pointer(&rank))), w.call("Comm_size", commWorld, uintptr(unsafe.Pointer(&size)))); err != nil {
		return nil, err
	}
	w.Rank, w.Size = int(rank), int(size)
	return w, nil
}

// openLibrary opens the library that the loader finds, or the one beside mpiexec.
func openLibrary() (dynlib.Library, error) {
	lib, err := dynlib.Open(library)
	if err == nil || errors.Is(err, dynlib.ErrStatic) {
		return lib, err
	}
	if exe, e := exec.LookPath("mpiexec"); e == nil {
		if exe, e = filepath.EvalSymlinks(exe); e == nil {
			if lib, e := dynlib.Open(filepath.Join(filepath.Dir(exe), "..", "lib", library)); e == nil {
				return lib, nil
			}
		}
	}
	return lib, fault.Hintf(err, "pip install mpich, and start fragua with its mpiexec")
}

func (w *World) call(name string, args ...uintptr) error {
	if code := int32(dynlib.Call(w.functions[name], args...)); code != 0 {
		return fmt.Errorf("MPI_%s: error %d", name, code)
	}
	return nil
}

// Leave ends the work together; no call may follow.
func (w *World) Leave() error { return w.call("Finalize") }

// Broadcast gives x of rank 0 to all.
func Broadcast[T any](w *World, x []T) error {
	if len(x) == 0 {
		return nil
	}
	bytes := uintptr(len(x)) * unsafe.Sizeof(x[0])
	const most = 1 << 30 // the count is an int
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&x[0])
	for at := uintptr(0); at < bytes; at += most {
		if err := w.call("Bcast", uintptr(unsafe.Pointer(&x[0]))+at, min(most, bytes-at), typeByte, 0, commWorld); err != nil {
			return err
		}
	}
	return nil
}

// Tell gives a value of rank 0 to all, as JSON. The others wait without using the processor: it may be
// long until rank 0 has something to say.
func (w *World) Tell(v any) error {
	var text []byte
	var err error
	if w.Rank == 0 {
		if text, err = json.Marshal(v); err != nil {
			return err
		}
	}
	size := []int64{int64(len(text))}
	if err := w.waitFor(size); err != nil {
		return err
	}
	if w.Rank != 0 {
		text = make([]byte, size[0])
	}
	if err := Broadcast(w, text); err != nil || w.Rank == 0 {
		return err
	}
	return json.Unmarshal(text, v)
}

// waitFor is Broadcast of one number, with pauses.
func (w *World) waitFor(x []int64) error {
	var request uintptr
	var done int32
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&x[0])
	pin.Pin(&request)
	pin.Pin(&done)
	if err := w.call("Ibcast", uintptr(unsafe.Pointer(&x[0])), 8, typeByte, 0, commWorld, uintptr(unsafe.Pointer(&request))); err != nil {
		return err
	}
	for pause := 20 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		if err := w.call("Test", uintptr(unsafe.Pointer(&request)), uintptr(unsafe.Pointer(&done)), 0); err != nil || done != 0 {
			return err
		}
		time.Sleep(pause)
	}
}

// Gather returns the x of all ranks, in their order.
func (w *World) Gather(x float64) ([]float64, error) {
	all, own := make([]float64, w.Size), []float64{x}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&all[0])
	pin.Pin(&own[0])
	return all, w.call("Allgather", uintptr(unsafe.Pointer(&own[0])), 8, typeByte, uintptr(unsafe.Pointer(&all[0])), 8, typeByte, commWorld)
}

// Add adds x of the first n ranks to sum, which all have alike, in the order of the ranks; the x of the
// others do not count. Each rank adds one part of it for all (Alltoall, sums, Allgather).
func (w *World) Add(sum, x []float32, n int) error {
	part := (len(sum) + w.Size - 1) / w.Size
	if len(w.send) != part*w.Size {
		w.send, w.got, w.part = make([]float32, part*w.Size), make([]float32, part*w.Size), make([]float32, part)
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&w.send[0])
	pin.Pin(&w.got[0])
	pin.Pin(&w.part[0])
	send, got, own := uintptr(unsafe.Pointer(&w.send[0])), uintptr(unsafe.Pointer(&w.got[0])), uintptr(unsafe.Pointer(&w.part[0]))
	copy(w.send, x)
	if err := w.call("Alltoall", send, uintptr(part), typeFloat, got, uintptr(part), typeFloat, commWorld); err != nil {
		return err
	}
	from := min(w.Rank*part, len(sum))
	mine := w.part[:copy(w.part, sum[from:])]
	for r := range n {
		kernel.AddTo(mine, w.got[r*part:][:len(mine)])
	}
	if err := w.call("Allgather", own, uintptr(part), typeFloat, send, uintptr(part), typeFloat, commWorld); err != nil {
		return err
	}
	copy(sum, w.send)
	return nil
}
