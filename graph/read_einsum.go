package graph

import (
	"slices"
	"strings"
)

// einsum multiplies its arguments one after another.
func (c *call) einsum() *Value {
	left, right, explicit := strings.Cut(strings.ReplaceAll(c.attribute("equation").Text, " ", ""), "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(c.args) || len(terms) == 0 {
		fail("the equation %q for %d arrays", c.attribute("equation").Text, len(c.args))
	}
	for i := range terms {
		terms[i] = spellOut(terms[i], len(c.arg(i).Shape))
	}
	if !explicit { // the labels that occur once, in order
		all := strings.Join(terms, "")
		labels := strings.Split(all, "")
		slices.Sort(labels)
		for _, l := range labels {
			if strings.Count(all, l) == 1 || l < "A" {
				if !strings.Contains(right, l) {
					right += l
				}
			}
		}
	} else if strings.Contains(right, "...") {
		dots := ""
		for _, t := range terms {
			if d := digits(t); len(d) > len(dots) {
				dots = d
			}
		}
		right = strings.Replace(right, "...", dots, 1)
	}
	x, labels := c.arg(0), terms[0]
	for i := 1; i < len(terms); i++ {
		needed := right + strings.Join(terms[i+1:], "")
		x, labels = c.contract(x, labels, c.arg(i), terms[i], needed)
	}
	x, labels = c.summed(x, labels, right)
	perm := make([]int, len(right))
	for i := range right {
		if perm[i] = strings.IndexByte(labels, right[i]); perm[i] < 0 {
			fail("the equation %q, whose result has an axis that no array has", c.attribute("equation").Text)
		}
	}
	return c.g.Transpose(x, perm...)
}

// spellOut writes the axes that an ellipsis stands for as digits, the last axis as '9', and checks the labels.
func spellOut(term string, rank int) string {
	if before, behind, dots := strings.Cut(term, "..."); dots {
		n := rank - len(before) - len(behind)
		if n < 0 || n > 10 {
			fail("the labels %q of an array with %d axes", term, rank)
		}
		term = before + "0123456789"[10-n:] + behind
	}
	if len(term) != rank {
		fail("the labels %q of an array with %d axes", term, rank)
	}
	for i := range term {
		if strings.IndexByte(term[i+1:], term[i]) >= 0 {
			fail("the labels %q, one of them twice", term)
		}
	}
	return term
}

// digits are the labels of an ellipsis.
func digits(term string) string {
	return strings.Map(func(l rune) rune {
		if l >= '0' && l <= '9' {
			return l
		}
		return -1
	}, term)
}

// summed adds up over the axes whose labels are not needed.
func (c *call) summed(x *Value, labels, needed string) (*Value, string) {
	var over []int
	kept := ""
	for i := range labels {
		if strings.IndexByte(needed, labels[i]) < 0 {
			over = append(over, i)
		} else {
			kept += labels[i : i+1]
		}
	}
	if len(over) > 0 {
		x = c.g.Sum(x, false, over...)
	}
	return x, kept
}

// contract multiplies two arrays and adds up over the labels that are not needed any more: as a product of matrices, [both's
// and needed; a's own; both's] times [both's and needed; both's; b's own].
func (c *call) contract(a *Value, la string, b *Value, lb, needed string) (*Value, string) {
	a, la = c.summed(a, la, lb+needed)
	b, lb = c.summed(b, lb, la+needed)
	var both, inner, left, right string
	for i := range la {
		l := la[i : i+1]
		switch {
		case !strings.Contains(lb, l):
			left += l
		case strings.Contains(needed, l):
			both += l
		default:
			inner += l
		}
	}
	for i := range lb {
		if l := lb[i : i+1]; !strings.Contains(la, l) {
			right += l
		}
	}
	size := map[byte]int{}
	for i := range lb {
		size[lb[i]] = b.Shape[i]
	}
	for i := range la {
		if n, ok := size[la[i]]; !ok || n == 1 {
			size[la[i]] = a.Shape[i]
		}
	}
	order := func(x *Value, labels string, groups ...string) *Value {
		perm, full := []int{}, Shape{}
		for _, l := range []byte(strings.Join(groups, "")) {
			k := strings.IndexByte(labels, l)
			perm = append(perm, k)
			full = append(full, size[l])
		}
		x = c.g.Transpose(x, perm...)
		if !slices.Equal(x.Shape, full) { // an axis of one entry goes with any
			x = c.g.Expand(x, full...)
		}
		sizes := Shape{}
		at := 0
		for _, group := range groups {
			sizes = append(sizes, count(full[at:at+len(group)]))
			at += len(group)
		}
		return c.g.Reshape(x, sizes...)
	}
	y := c.g.MatMul(order(a, la, both, left, inner), order(b, lb, both, inner, right))
	labels := both + left + right
	shape := Shape{}
	for i := range labels {
		shape = append(shape, size[labels[i]])
	}
	return c.g.Reshape(y, shape...), labels
}
