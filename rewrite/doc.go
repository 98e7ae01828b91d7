// Package rewrite turns a network, as package models resolves it, into another ONNX file.
//
// [Convert] makes a network predict something else, or along another path: its graph stays as it is, and around it come nodes that
// compute, for each sample,
//
//	q = X x + P p
//
// from the state x and what the network gives, p. X and P are the 2x2 solve of [schedule.Symbolize], written as nodes in float64 whose
// input is the time; or a table that is looked up, where the time is a whole number. Across paths, p is had from the network at the state
// s x and at the time at which its own path has the same noise level ([schedule.TimeAt]; see path.go for its inverse inside a
// graph). [Converted.Check] runs the result beside the conversion in memory.
//
// [Compile] makes network and plan one graph that samples.
//
// What a file was made from is its history: [History] reads it, [Remember] writes it.
package rewrite
