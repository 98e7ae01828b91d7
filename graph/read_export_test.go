package graph

import (
	"maps"
	"slices"
)

// KnownOperators are all that Read knows.
func KnownOperators() []string {
	names := slices.Concat(slices.Collect(maps.Keys(operators)), slices.Collect(maps.Keys(dividers)), []string{"If", "Loop"})
	slices.Sort(names)
	return names
}
