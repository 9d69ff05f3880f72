package curves

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"fragua/pipeline"
)

// TestResume: a training that goes on from a checkpoint writes each step once, and one that begins
// again begins its files again.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	attempt := func(from, to int64) {
		w := New(dir)
		for step := from; step <= to; step++ {
			if err := w.Add("base", pipeline.Point{Curve: "train", Unit: "bits per byte", Step: step, Value: float64(step)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add("base", pipeline.Point{Curve: "gradient", Unit: "norm", Step: to, Value: .5}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	points := func() [][2]float64 {
		c, err := Read(dir, "base")
		if err != nil || len(c) != 2 || c[0].Name != "train" || c[0].Y != "bits per byte" || c[1].Y != "norm" {
			t.Fatal(c, err)
		}
		return c[0].Points
	}
	attempt(1, 4)
	// A crash cuts the last line.
	name := filepath.Join(dir, Folder, "base", linesName)
	b, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, b[:len(b)-5], 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	attempt(3, 5)
	if got, want := points(), [][2]float64{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	attempt(1, 2)
	if got, want := points(), [][2]float64{{1, 1}, {2, 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if c, err := Read(dir, "none"); c != nil || err != nil {
		t.Error(c, err)
	}
}

// TestEvents: the bytes are those that TensorBoard writes for the same events.
//
//	pip install tensorboard && python3 -c '
//	from tensorboard.summary.writer.record_writer import RecordWriter
//	from tensorboard.compat.proto import event_pb2, summary_pb2
//	f = open("events", "wb"); w = RecordWriter(f)
//	w.write(event_pb2.Event(wall_time=1.5, file_version="brain.Event:2").SerializeToString())
//	v = summary_pb2.Summary.Value(tag="bits per byte/train", simple_value=2.25)
//	w.write(event_pb2.Event(wall_time=2.5, step=300, summary=summary_pb2.Summary(value=[v])).SerializeToString())
//	w.flush(); print(open("events", "rb").read().hex())'
func TestEvents(t *testing.T) {
	at := func(s float64) time.Time { return time.UnixMicro(int64(s * 1e6)) }
	got := append(record(fileVersion(at(1.5))), record(scalar(line{at(2.5), pipeline.Point{Curve: "train", Unit: "bits per byte", Step: 300, Value: 2.25}}))...)
	if hex.EncodeToString(got) != events {
		t.Errorf("%x, want %s", got, events)
	}
}

const events = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c2a00000000000000ae8d91f509000000000000044010ac022a1c0a1a0a13626974732070657220627974652f747261696e1500001040ce103f45"
