// Package graph holds networks as data: arrays computed from arrays by some forty primitive operators, whose
// gradients are derived here, so that what samples can also be trained.
//
//   - A Graph (graph.go) is built value by value; op.go lists the operators, shape.go says what shape each result
//     has. A size of the batch is written as a negative number, so that one graph serves every batch.
//   - Gradient (gradient.go) adds to a graph the derivatives of one of its values.
//   - Two executors run a graph: Interpret (interpret.go), plain Go on gonum's BLAS, the reference, which needs no
//     library; and Compile (compile.go), ONNX Runtime on any provider, by way of the nodes that write.go makes of
//     each operator. What makes them few and fast: tidy.go, subpixel.go, write_fusions.go, write_blocked.go; part.go says
//     how many samples to compute at a time.
//   - Read (read.go) makes a graph of an ONNX file, whoever made that; Rewrite (rewrite.go) puts other weights into the same
//     file. Write (write.go) makes an ONNX file of a graph.
package graph
