package onnx

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// copiedField is a field of a source's main graph that goes into another graph with its names changed.
type copiedField struct {
	source *Source
	piece  piece
	kind   kind
	names  *renaming
}

// copiedFunction is an operator that a source defines.
type copiedFunction struct {
	source *Source
	sourceFunction
}

// Embed puts a copy of the model's nodes into g, with the prefix in front of each name, and returns the model's outputs by
// their names in the file. feeds has a value of g for each of the model's inputs.
//
// All copies of one Source share its weights, which become initializers of the innermost graph around all of them. A single
// copy thus has them in its own graph even where that is a [Graph.Subgraph]: ONNX Runtime 1.27 lays weights out for its
// convolutions, and fuses them with their neighbours, only there. In a loop with the weights outside it, networks take 10 to 50 %
// longer. A file that is opened twice gives two Sources, whose copies have weights of their own.
//
// A graph that no model is in yet takes over the model's version of the standard operator set; further models must have
// the same.
func (g *Graph) Embed(s *Source, prefix string, feeds map[string]Ref) (map[string]Ref, error) {
	file := s.info.File
	if err := g.embeddable(s, feeds); err != nil {
		return nil, err
	}
	if err := g.mergeOpsets(s); err != nil {
		return nil, err
	}
	if err := g.mergeFunctions(s); err != nil {
		return nil, err
	}
	names := &renaming{names: map[string]string{}, prefix: prefix}
	for _, v := range s.info.Inputs {
		names.names[v.Name] = string(feeds[v.Name])
	}
	weights, err := g.share(s, prefix)
	if err != nil {
		return nil, err
	}
	for name, to := range weights {
		names.names[name] = to
	}
	var nodes []graphNode
	for i := range s.graph.nodes {
		nodes = append(nodes, baseNode(s, &s.graph.nodes[i], names))
	}
	own := map[Ref]bool{}
	for _, n := range nodes {
		for _, out := range n.outputs {
			own[out] = true
		}
	}
	for name := range s.nested {
		if _, outer := names.names[name]; outer || own[Ref(names.value(name))] {
			return nil, fmt.Errorf("%s: the value %q is defined in the graph and again in a graph inside one of its nodes, and cannot be told apart in a larger graph", file, name)
		}
		own[Ref(names.value(name))] = true
	}
	delete(own, None)
	for name := range own {
		if g.taken[name] {
			return nil, fmt.Errorf("%s: its value %q is taken in the graph that it is put into; choose another prefix than %q", file, name, prefix)
		}
	}
	for name := range own {
		g.foreign[name], g.taken[name] = file, true
	}
	for _, v := range slices.Concat(s.graph.shapes, s.graph.outputs) {
		if v.dtype != Undefined {
			if name := Ref(names.value(v.name)); own[name] {
				g.types[name] = v.dtype
			}
		}
	}
	for _, n := range nodes {
		for k, out := range n.outputs {
			if out == None {
				continue
			}
			g.values[out] = true
			if t := g.result(n, k); t != Undefined {
				g.types[out] = t
			}
		}
	}
	g.nodes = append(g.nodes, nodes...)
	for _, v := range s.graph.shapes {
		if own[Ref(names.value(v.name))] {
			g.copied = append(g.copied, copiedField{s, v.piece, aValue, names})
		}
	}
	for _, p := range s.graph.annotations {
		g.copied = append(g.copied, copiedField{s, p, anAnnotation, names})
	}
	outputs := map[string]Ref{}
	for _, v := range s.graph.outputs {
		outputs[v.name] = Ref(names.value(v.name))
	}
	for name, ref := range outputs {
		if !g.sees(ref) {
			return nil, fmt.Errorf("%s: nothing computes its output %q", file, name)
		}
	}
	return outputs, nil
}

// embeddable says why a model cannot be fed so.
func (g *Graph) embeddable(s *Source, feeds map[string]Ref) error {
	file := s.info.File
	var names []string
	for _, v := range s.info.Inputs {
		names = append(names, fmt.Sprintf("%q", v.Name))
		ref, ok := feeds[v.Name]
		switch {
		case !ok:
			return fmt.Errorf("%s: its input %q is fed from nothing", file, v.Name)
		case !g.sees(ref):
			panic(fmt.Sprintf("onnx: Embed: %q is no value of graph %q", ref, g.name))
		}
		if got := g.types[ref]; got != Undefined && v.Type != Undefined && got != v.Type {
			return fmt.Errorf("%s: its input %q takes %v, and is fed %v", file, v.Name, v.Type, got)
		}
	}
	for name := range feeds {
		if _, ok := s.info.Input(name); !ok {
			return fmt.Errorf("%s: has no input %q; its inputs are %s", file, name, strings.Join(names, ", "))
		}
	}
	return nil
}

// mergeOpsets imports what the model imports.
func (g *Graph) mergeOpsets(s *Source) error {
	if s.opset < oldestOpset {
		return fmt.Errorf("%s: uses version %d of the standard operator set, and Odeon builds upon version %d to %d: convert it first, with onnx.version_converter", s.info.File, s.opset, oldestOpset, newestOpset)
	}
	for _, o := range s.info.Opsets {
		i := g.imported(o.Domain)
		if i < 0 || g.opsets[i].Version == o.Version || o.domain() == "" && !g.pinned {
			continue
		}
		name := "the standard operator set"
		if o.domain() != "" {
			name = fmt.Sprintf("the operator set %q", o.Domain)
		}
		return fmt.Errorf("%s: uses version %d of %s, and the graph that it is put into %s: one file has one version; convert one of them first, with onnx.version_converter", s.info.File, o.Version, name, g.uses(o.domain()))
	}
	for _, o := range s.info.Opsets {
		switch i := g.imported(o.Domain); {
		case i < 0:
			g.opsets = append(g.opsets, o)
		case o.domain() == "":
			g.opsets[i].Version = o.Version
			g.pinned = true
		}
	}
	g.ir = max(g.ir, s.info.IRVersion)
	return nil
}

// uses says which version of an operator set is imported, and because of which files.
func (g *Graph) uses(domain string) string {
	text := fmt.Sprintf("uses version %d", g.opsets[g.imported(domain)].Version)
	var files []string
	for _, s := range g.sources {
		files = append(files, s.info.File)
	}
	if len(files) > 0 {
		text += " (" + strings.Join(files, ", ") + ")"
	}
	return text
}

// mergeFunctions takes over the operators that the model defines.
func (g *Graph) mergeFunctions(s *Source) error {
	for _, f := range s.functions {
		i := slices.IndexFunc(g.functions, func(o copiedFunction) bool { return o.name == f.name })
		if i < 0 {
			if base := g.root().base; base != nil {
				for _, o := range base.source.functions {
					if o.name == f.name {
						if err := sameFunction(s, f, base.source, o); err != nil {
							return err
						}
						i = 0
					}
				}
			}
		} else if err := sameFunction(s, f, g.functions[i].source, g.functions[i].sourceFunction); err != nil {
			return err
		}
		if i < 0 {
			g.functions = append(g.functions, copiedFunction{s, f})
		}
	}
	return nil
}

// sameFunction is an error unless two sources define an operator alike.
func sameFunction(s *Source, f sourceFunction, other *Source, o sourceFunction) error {
	if s == other {
		return nil
	}
	var one, two bytes.Buffer
	if err := s.stretch(f.body, f.end).writeTo(&one, make([]byte, copyBuffer)); err != nil {
		return err
	}
	if err := other.stretch(o.body, o.end).writeTo(&two, make([]byte, copyBuffer)); err != nil {
		return err
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		return fmt.Errorf("%s and %s define the operator %q differently, and one file has one definition", other.info.File, s.info.File, strings.Trim(f.name, ":"))
	}
	return nil
}

// sharedWeights are the initializers of a source in a graph that it is embedded in.
type sharedWeights struct {
	names *renaming
	home  *Graph // the innermost graph around all copies
	list  []initializer
}

// share makes the model's weights initializers of g or of a graph around it, and tells their names there.
func (g *Graph) share(s *Source, prefix string) (map[string]string, error) {
	root := g.root()
	if root.base != nil && root.base.source == s {
		r := root.base.renamed(false)
		names := map[string]string{}
		for _, t := range slices.Concat(s.graph.tensors, s.graph.sparse) {
			names[t.name] = r.value(t.name)
		}
		return names, nil
	}
	if known, ok := g.shared[s]; ok {
		known.moveTo(g.around(known.home))
		return known.names.names, nil
	}
	w := &sharedWeights{names: &renaming{names: map[string]string{}, prefix: prefix}, home: g}
	for _, sparse := range []bool{false, true} {
		list := s.graph.tensors
		if sparse {
			list = s.graph.sparse
		}
		for i := range list {
			t := &list[i]
			name := Ref(prefix + t.name)
			if _, twice := w.names.names[t.name]; twice || t.name == "" {
				return nil, fmt.Errorf("%s: has two initializers named %q, or one without a name", s.info.File, t.name)
			}
			if g.taken[name] {
				return nil, fmt.Errorf("%s: its value %q is taken in the graph that it is put into; choose another prefix than %q", s.info.File, name, prefix)
			}
			w.names.names[t.name] = string(name)
			w.list = append(w.list, initializer{name: name, weight: &weight{s, t, sparse, w.names}})
		}
	}
	for _, i := range w.list {
		g.taken[i.name], g.foreign[i.name], g.values[i.name] = true, s.info.File, true
		if t := i.weight.tensor.dtype; t != Undefined {
			g.types[i.name] = t
		}
	}
	g.shared[s] = w
	g.sources = append(g.sources, s)
	return w.names.names, nil
}

// around is the innermost graph that contains both, or is one of them.
func (g *Graph) around(other *Graph) *Graph {
	outer := map[*Graph]bool{}
	for p := g; p != nil; p = p.parent {
		outer[p] = true
	}
	for !outer[other] {
		other = other.parent
	}
	return other
}

func (w *sharedWeights) moveTo(home *Graph) {
	for _, i := range w.list {
		delete(w.home.values, i.name)
		home.values[i.name] = true
	}
	w.home = home
}

// allInitializers lists the graph's own initializers and those of models that are shared here.
func (g *Graph) allInitializers() []initializer {
	list := slices.Clip(g.initializers)
	for _, s := range g.sources {
		if w := g.shared[s]; w.home == g {
			list = append(list, w.list...)
		}
	}
	return list
}

// encodeCopied writes the value_info and annotations of embedded models.
func (g *Graph) encodeCopied(m *message, e *encoder) {
	for _, c := range g.copied {
		e.rewrite(m, c.source, c.piece, c.kind, c.names)
	}
}

// encodeFunctions writes the operators that embedded models define.
func (g *Graph) encodeFunctions(m *message, e *encoder) {
	for _, f := range g.functions {
		e.copy(m, f.source, f.begin, f.end)
	}
}
