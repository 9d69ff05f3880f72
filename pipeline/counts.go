package pipeline

import (
	"fmt"
	"slices"

	"fragua/pipeline/shard"
)

// Counts says what became of the rows of a task or of a stage. Nothing is lost
// in silence:
//
//	Read + Split = Kept + ΣDropped + Failed
type Counts struct {
	Read    int64            `json:"read"`
	Split   int64            `json:"split,omitempty"` // further rows made out of rows read: a book's second to last chapter
	Kept    int64            `json:"kept"`
	Dropped map[string]int64 `json:"dropped,omitempty"` // rule → rows
	Failed  int64            `json:"failed,omitempty"`  // rows that could not be read; they are in the rejects
	Lost    []LostFile       `json:"lost,omitempty"`    // raw files that could not be read to their end
	Sums    map[string]int64 `json:"sums,omitempty"`    // whatever else adds up over tasks: bytes, tokens, words
	Shards  []shard.File     `json:"-"`                 // as shard.Write returned them; other files the engine finds itself
}

// A LostFile is a raw file of which a part could not be read.
type LostFile struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`  // that are missing; -1: not known
	Bytes int64  `json:"bytes"` // of the file that are missing; -1: not known
	Error string `json:"error"`
}

func (l LostFile) String() string {
	missing := "how much of it was not read is not known"
	switch {
	case l.Rows >= 0:
		missing = fmt.Sprintf("%d rows of it were not read", l.Rows)
	case l.Bytes >= 0:
		missing = fmt.Sprintf("%d bytes of it were not read", l.Bytes)
	}
	return fmt.Sprintf("%s: %s (%s)", l.Name, l.Error, missing)
}

// Lose counts a part of a file that could not be read.
func (c *Counts) Lose(l LostFile) {
	i := slices.IndexFunc(c.Lost, func(o LostFile) bool { return o.Name == l.Name })
	if i < 0 {
		c.Lost = append(c.Lost, l)
		return
	}
	o := &c.Lost[i]
	o.Rows, o.Bytes = sumKnown(o.Rows, l.Rows), sumKnown(o.Bytes, l.Bytes)
}

func sumKnown(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// Drop counts one row dropped by a rule.
func (c *Counts) Drop(rule string) {
	if c.Dropped == nil {
		c.Dropped = map[string]int64{}
	}
	c.Dropped[rule]++
}

// Sum adds n to the sum of that name.
func (c *Counts) Sum(name string, n int64) {
	if c.Sums == nil {
		c.Sums = map[string]int64{}
	}
	c.Sums[name] += n
}

// Add adds the counts of another task. Shards are not touched.
func (c *Counts) Add(o Counts) {
	c.Read += o.Read
	c.Split += o.Split
	c.Kept += o.Kept
	c.Failed += o.Failed
	for _, l := range o.Lost {
		c.Lose(l)
	}
	for rule, n := range o.Dropped {
		if c.Dropped == nil {
			c.Dropped = map[string]int64{}
		}
		c.Dropped[rule] += n
	}
	for name, n := range o.Sums {
		c.Sum(name, n)
	}
}

// Check returns an error if a row was lost or invented.
func (c Counts) Check() error {
	var dropped int64
	for _, n := range c.Dropped {
		dropped += n
	}
	if in, out := c.Read+c.Split, c.Kept+dropped+c.Failed; in != out {
		return fmt.Errorf("counts do not add up: read %d + split off %d = %d, but kept %d + dropped %d + failed %d = %d",
			c.Read, c.Split, in, c.Kept, dropped, c.Failed, out)
	}
	return nil
}
