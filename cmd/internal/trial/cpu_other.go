//go:build !unix

package trial

import "time"

// ProcessorTime is not known here.
func ProcessorTime() time.Duration { return 0 }
