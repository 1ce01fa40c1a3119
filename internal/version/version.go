// Package version tells which version of Warren a binary is.
package version

import "runtime/debug"

// set is the version that a build sets: go build -ldflags '-X …/internal/version.set=v1.2.3'.
var set string

// Text returns the version that the build set, else that of the module as go install had it.
func Text() string {
	if set != "" {
		return set
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
