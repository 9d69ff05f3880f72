package pipeline

import (
	"fmt"

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
	Sums    map[string]int64 `json:"sums,omitempty"`    // whatever else adds up over tasks: bytes, tokens, words
	Shards  []shard.File     `json:"-"`                 // as shard.Write returned them; other files the engine finds itself
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
