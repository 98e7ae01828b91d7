// Package onnx is how networks are stored and executed. It has two sides that share nothing but [DType].
//
// # Files
//
// An ONNX file is one protobuf message, ModelProto: a graph of nodes, named tensors (initializers, the weights), inputs,
// outputs, the operator sets that the nodes come from, and free text in metadata_props, where Odeon keeps the model card.
//
//   - [ReadInfo] (info.go) tells what a file holds without reading its weights: it walks the message over an io.ReaderAt
//     (wire.go), field by field of onnx.proto3 (model.go), and seeks past everything whose bytes it does not need. Nothing
//     is allocated on the file's word alone, and a file that is no ONNX model is told by its looks (looks.go).
//   - [Info.CheckExternal] (external.go) keeps weights in separate files inside the model's folder.
//   - [Graph] (build.go, attribute.go, literal.go, message.go) builds a graph node by node and writes it: IR version 8,
//     opset 17, the same bytes each time.
//   - A [Source] (source.go) is a file to build upon: an index of its parts, its weights left on disk. [Extend] (extend.go, merge.go)
//     adds to a model and keeps all of the rest, [Graph.Embed] (embed.go) puts a model into another graph, with other names
//     (copy.go). [Graph.Formula] (formula.go) writes a [schedule.Formula] as nodes. [Graph.Check] (check.go, types.go) precedes
//     [Graph.WriteFile] (write.go), which may store the weights in another type or place (weights.go) or be given others
//     ([Graph.Refill], refill.go).
//   - [Source.Parts] (parts.go) reads a model whole, for those who compute it themselves: nodes with their attributes, and
//     tensors whose elements are read when they are asked for (stored.go).
//
// # Execution
//
// ONNX Runtime runs the networks.
//
//   - [Find] (library.go, loader.go) looks for its shared library, whose file says what it is and how old before any of its
//     code runs (binary.go, version.go).
//   - [Install] (install.go) gets it: sources.go lists where from with every checksum, fetch.go downloads, archive.go
//     unpacks, cache.go is the folder in which whatever appears is complete.
//   - [Open] (runtime.go) loads it once a process, [Runtime.NewSession] (session.go, providers.go) loads a model, and a
//     [Call] (call.go) runs it on a [Tensor] for each input and output, whose memory is the caller's.
package onnx
