package nn

import (
	"fmt"
	"slices"
	"strings"
)

// product is the number of elements; negative, a multiple of the batch, where one of the sizes is.
func product(sizes []int) int {
	n := 1
	for _, k := range sizes {
		n *= k
	}
	return n
}

func power(n, exponent int) int { return product(slices.Repeat([]int{n}, exponent)) }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// divided is each size over n.
func divided(sizes []int, n int) []int {
	r := slices.Clone(sizes)
	for i := range r {
		r[i] /= n
	}
	return r
}

func divides(n int, sizes []int) bool {
	return !slices.ContainsFunc(sizes, func(k int) bool { return k%n != 0 })
}

// checkPatch tells whether patches of the data come out even, and which would.
func checkPatch(family string, d Data, patch int) error {
	space := d.space()
	if divides(patch, space) {
		return nil
	}
	var would []int
	for p := 1; p <= slices.Min(space) && len(would) < 8; p++ {
		if divides(p, space) {
			would = append(would, p)
		}
	}
	return fmt.Errorf("%s: patch=%d does not divide %s of %s; %s would",
		family, patch, d.axes().what, list(space, "x"), list(would, ", "))
}

// list is numbers for a message: 28x28 or 28, 14, 7.
func list(numbers []int, separator string) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, separator)
}
