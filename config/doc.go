// Package config reads warren.yaml: it parses the file, expands variables of the environment in
// it, fills in defaults, and checks every field, so that what it returns can be used as it is. A
// problem names the file, the line and the field, and all problems are reported together.
//
// Only what this version does is accepted. A field that it does not know is an error: a setting
// that is read and not heeded would be a lie.
//
// `${NAME}` in a value stands for a variable of the environment and `${NAME:-default}` for the
// default where that is unset or empty; `$${` is a literal `${`. They are expanded after the YAML
// was parsed, so that a variable can only ever be a value. A value that is not quoted is then
// taken as what it looks like, as YAML does: `concurrency: ${N:-10}` is a number.
//
// Relative paths, of programs and of TLS files, are relative to the working directory.
//
// It knows neither a connection nor a process: cmd wires what it describes.
package config
