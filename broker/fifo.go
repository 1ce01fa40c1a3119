package broker

// fifo is a queue of publications over one array, which is used again once it is empty at the
// front by half.
type fifo struct {
	array []*publication
	head  int
}

func (f *fifo) push(pub *publication) { f.array = append(f.array, pub) }

// pop returns the oldest, nil where there is none.
func (f *fifo) pop() *publication {
	if f.head == len(f.array) {
		return nil
	}
	pub := f.array[f.head]
	f.array[f.head] = nil
	f.head++
	if f.head*2 >= len(f.array) {
		kept := copy(f.array, f.array[f.head:])
		clear(f.array[kept:])
		f.array, f.head = f.array[:kept], 0
	}
	return pub
}

// peek returns the oldest and leaves it, nil where there is none.
func (f *fifo) peek() *publication {
	if f.head == len(f.array) {
		return nil
	}
	return f.array[f.head]
}

// items returns what is in it, the oldest first.
func (f *fifo) items() []*publication { return f.array[f.head:] }
