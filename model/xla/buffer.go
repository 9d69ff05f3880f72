package xla

import "unsafe"

// A Buffer is an array on a device.
type Buffer struct {
	client *Client
	handle uintptr
}

// A Number is an element of an array.
type Number interface{ int32 | float32 }

// elementType is PJRT_Buffer_Type.
func elementType[T Number]() uintptr {
	if any(*new(T)) == any(int32(0)) {
		return 4
	}
	return 11
}

// Put copies numbers to a device, counted from 0, as an array of a shape.
func Put[T Number](c *Client, device int, data []T, shape ...int) (*Buffer, error) {
	var pin pinned
	defer pin.Unpin()
	pin.Pin(&data[0])
	at, kind := uintptr(unsafe.Pointer(&data[0])), elementType[T]()
	dims := make([]uintptr, len(shape))
	for i, d := range shape {
		dims[i] = uintptr(d)
	}
	dimsAt, n := pin.words(dims), uintptr(len(dims))
	var event uintptr
	b := &Buffer{client: c}
	// strides, their number, semantics, memory and layout: the defaults
	err := c.api.call(clientBufferFromHost, &c.handle, &at, &kind, &dimsAt, &n, nil, nil, nil, &c.devices[device], nil, nil, &event, &b.handle)
	if err != nil {
		return nil, err
	}
	return b, c.api.await(event)
}

// Get copies an array to the host.
func Get[T Number](b *Buffer, into []T) error {
	var pin pinned
	defer pin.Unpin()
	pin.Pin(&into[0])
	at, size := uintptr(unsafe.Pointer(&into[0])), uintptr(len(into))*unsafe.Sizeof(into[0])
	var event uintptr
	if err := b.client.api.call(bufferToHost, &b.handle, nil, &at, &size, &event); err != nil {
		return err
	}
	return b.client.api.await(event)
}

// Free gives the memory back.
func (b *Buffer) Free() {
	if b.handle != 0 {
		b.client.api.call(bufferDestroy, &b.handle)
		b.handle = 0
	}
}
