// Package otlp brings the spans of Warren's programs to a collector, by OTLP over HTTP, where the standard
// environment variables of OpenTelemetry say so, and does nothing where they do not.
//
// The official exporter for OTLP over HTTP brings all of gRPC with it, 66 packages and twice the bytes, for
// message types that share a package with gRPC's stubs. So the client is our own, behind the official
// SDK and its exporter, which turns spans into messages.
package otlp
