// Package safetensors keeps named arrays in a file, as Hugging Face does.
//
// What flows in is a list of arrays; what flows out is one file that any tool
// of that family loads, and back. The file:
//
//	8 bytes       n, the header's length, little-endian
//	n bytes       {"__metadata__":{…},"NAME":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},…}
//	              padded with spaces so that the data begins at a multiple of 8
//	data          the arrays one after another, little-endian, row-major, no gaps
//
// Arrays lie in the order in which Hugging Face's own writer puts them: the
// widest element types first, and by name within a type. The same arrays give
// the same bytes.
//
// A file from elsewhere is hostile until checked: Open checks every number of
// the header against the file before anything is read through it. Files are
// read by ReadAt, one array at a time, so a model larger than memory can be
// inspected. The format is described at
// https://huggingface.co/docs/safetensors/index#format.
package safetensors
