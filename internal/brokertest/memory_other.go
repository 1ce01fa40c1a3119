//go:build !linux

package brokertest

// sharedMemory and memoryFolder: there is no such file system.
const sharedMemory = ""

func memoryFolder() string { return "" }
