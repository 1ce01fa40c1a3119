package brokertest

import "golang.org/x/sys/unix"

// sharedMemory is where Linux has a file system in memory that every user may write to.
const sharedMemory = "/dev/shm"

// memoryNeeded is how much of it has to be free for a node to be put there: a run of all tests was seen
// to take a third of it.
const memoryNeeded = 2 << 30

// memoryFolder is where a node's folder lies in memory, empty where there is no room for it.
func memoryFolder() string {
	var fs unix.Statfs_t
	if err := unix.Statfs(sharedMemory, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		return ""
	}
	if fs.Bavail*uint64(fs.Bsize) < memoryNeeded || unix.Access(sharedMemory, unix.W_OK) != nil {
		return ""
	}
	return sharedMemory
}
