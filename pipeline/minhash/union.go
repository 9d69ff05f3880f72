package minhash

// A Union joins numbers into groups (union-find with path halving). Memory: 4 bytes a number.
type Union struct{ parent []uint32 }

// NewUnion returns n numbers, each alone.
func NewUnion(n int) *Union {
	u := &Union{make([]uint32, n)}
	for i := range u.parent {
		u.parent[i] = uint32(i)
	}
	return u
}

// Find returns the least number of x's group.
func (u *Union) Find(x uint32) uint32 {
	for u.parent[x] != x {
		u.parent[x] = u.parent[u.parent[x]]
		x = u.parent[x]
	}
	return x
}

// Join makes one group of those of x and y.
func (u *Union) Join(x, y uint32) {
	x, y = u.Find(x), u.Find(y)
	u.parent[max(x, y)] = min(x, y)
}
