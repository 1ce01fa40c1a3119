// Package guarded runs a private server that cannot outlive the process that started it: a shell
// between the two waits for the end of a pipe, and the kernel closes that however its owner ends.
//
// It owns the server's process, its temporary folder with its log, and the guard ([Start],
// [Server.Await], [Server.Close]). It must not know what the server is: how it is configured and asked
// is for the packages that start one, such as pgtest and promtest.
package guarded
