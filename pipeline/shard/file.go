package shard

// A File is one file of a stage's output, as its manifest lists it.
type File struct {
	Name  string `json:"name"`           // relative to the stage's directory, with slashes
	Rows  int64  `json:"rows,omitempty"` // 0 for a file that is no table
	Bytes int64  `json:"bytes"`
	XXH3  string `json:"xxh3"` // of the content, 16 hex digits
}
