// Package promtest is a Prometheus for tests, and for the fault injection: it finds the programs
// prometheus and promtool, or installs them where that may be done, and runs a private server of a given
// configuration.
//
// It owns the programs ([Find]), the server until it is closed ([Programs.Start]), and the questions that
// are asked of one. A private server listens on 127.0.0.1 only, keeps everything in a temporary folder, and
// ends with the process that started it, also where that is killed.
//
// It must not know anything of Warren or of its rules; of brokertest it takes how packages are installed.
package promtest
