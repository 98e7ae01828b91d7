package onnx

import "google.golang.org/protobuf/encoding/protowire"

// inputlessIR is the first version in which an initializer need not be listed among the inputs. Those that are may be given
// another value there, as before.
const inputlessIR = 4

// extendModel writes the fields of the model that g extends, edited.
func (g *Graph) extendModel(m *message, e *encoder) {
	s := g.base.source
	fresh := map[string]bool{}
	for _, entry := range g.metadata {
		fresh[entry.Key] = true
	}
	edits := map[protowire.Number]*edit{
		1: {replace: func(m *message, _ int, _ piece) bool {
			ir := g.ir
			if len(g.nodes)+len(g.initializers) > 0 || e.weights != KeepWeights {
				ir = max(ir, inputlessIR)
			}
			if ir == s.info.IRVersion {
				return false
			}
			m.number(1, ir)
			return true
		}},
		7: {replace: func(m *message, _ int, _ piece) bool {
			var graph message
			g.extendGraph(&graph, e)
			m.message(7, &graph)
			return true
		}},
		8: {after: func(m *message) { g.encodeOpsets(m, g.opsets[len(s.info.Opsets):]) }},
		14: {
			replace: func(_ *message, i int, _ piece) bool {
				key := s.info.Metadata[i].Key
				return fresh[key] || g.base.noMeta[key]
			},
			after: g.encodeMetadata,
		},
		25: {after: func(m *message) { g.encodeFunctions(m, e) }},
	}
	e.merge(m, s, s.pieces, edits, 8, 14, 25)
}

// extendGraph writes the fields of the main graph of the model that g extends, edited.
func (g *Graph) extendGraph(m *message, e *encoder) {
	e.refilled = g.base.refilled
	e.decide(g)
	s, graph := g.base.source, &g.base.source.graph
	before, model, after := g.order()
	inputs := g.base.inputNames(g)
	names := g.base.renamed(false)
	weights := g.base.weights()

	// renamed replaces a field that has one of the changed names.
	renamed := func(k kind, list func(i int) []string) func(m *message, i int, p piece) bool {
		return func(m *message, i int, p piece) bool {
			if !names.touches(list(i)) {
				return false
			}
			e.rewrite(m, s, p, k, names)
			return true
		}
	}
	output := renamed(aValue, func(i int) []string { return []string{graph.outputs[i].name} })
	input := renamed(aValue, func(i int) []string { return []string{graph.inputs[i].name} })

	edits := map[protowire.Number]*edit{
		1: {
			before: func(m *message) { g.encodeNodes(m, e, before) },
			replace: func(m *message, i int, p piece) bool {
				n := model[i]
				switch l, ok := g.base.constants[first(graph.nodes[i].outputs)]; {
				case e.gone[n.result(0)]:
					return true
				case ok:
					g.base.constant(m, n, l)
					return true
				case n.copied.names.names == nil && !e.gathers(s):
					return false
				}
				e.rewrite(m, s, p, aNode, n.copied.names)
				return true
			},
			after: func(m *message) { g.encodeNodes(m, e, after) },
		},
		5: {
			replace: func(m *message, i int, _ piece) bool {
				e.weight(m, weights[i].name, weights[i].weight)
				return true
			},
			after: func(m *message) { g.encodeInitializers(m, e) },
		},
		10: {
			replace: func(*message, int, piece) bool { return g.doc != "" },
			after:   func(m *message) { m.optional(10, g.doc) },
		},
		11: {
			replace: func(m *message, i int, p piece) bool {
				_, stored := e.stored[inputs[i]]
				return inputs[i] == None || stored || input(m, i, p)
			},
			after: func(m *message) {
				for _, v := range g.inputs {
					m.message(11, v.encode())
				}
			},
		},
		12: {
			replace: func(m *message, i int, p piece) bool {
				return g.base.dropped[graph.outputs[i].name] || output(m, i, p)
			},
			after: func(m *message) {
				for _, v := range g.outputs {
					m.message(12, v.encode())
				}
			},
		},
		13: {
			replace: renamed(aValue, func(i int) []string { return []string{graph.shapes[i].name} }),
			after:   func(m *message) { g.encodeCopied(m, e) },
		},
		15: {replace: renamed(aSparse, func(i int) []string { return []string{graph.sparse[i].name} })},
	}
	if len(names.names) > 0 {
		edits[14] = &edit{replace: func(m *message, _ int, p piece) bool {
			e.rewrite(m, s, p, anAnnotation, names)
			return true
		}}
	}
	e.merge(m, s, graph.pieces, edits, 1, 5, 10, 11, 12, 13)
}
