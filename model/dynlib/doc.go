// Package dynlib calls C functions of shared libraries without cgo. Only builds with the tag xla can:
// they are linked dynamically, while the default build is static. In all others Open is an error.
package dynlib

import "errors"

// Tag is the build tag with which libraries can be opened.
const Tag = "xla"

// ErrStatic is that of Open in a build without the tag.
var ErrStatic = errors.New("this build of fragua cannot open plugins: it is linked statically")
