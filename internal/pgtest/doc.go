// Package pgtest is a PostgreSQL for tests, and for the fault injection: it uses one that is named, or
// starts a private one, so that none of them has to say how.
//
// It owns the ways to have a server ([Find]) and the one that it started until that is closed. A
// private server listens on 127.0.0.1 only, has a password of its own, keeps everything in a
// temporary folder and forces nothing to disk, unless it is asked to. It ends with the process that
// started it, also where that is killed (package guarded).
//
// It must not know anything of Warren; of brokertest it takes how packages are installed.
package pgtest
