// Solvers measures how close solvers come to a fine walk of four real networks, by how many calls of the network they make, and how close
// plans come that were fitted to them (odeon plan --optimize-grid). It runs odeon, keeps what that makes in a folder, so that a second run
// goes on where the first was stopped, prints Markdown tables and draws a plot.
//
//	go build -o odeon . && go run ./scripts/solvers -odeon ./odeon -o docs/gallery/solvers.png
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"odeon/internal/array"
	"odeon/sampler/fit"
)

func main() {
	m := measuring{}
	flag.StringVar(&m.odeon, "odeon", "./odeon", "the program")
	flag.StringVar(&m.networks, "networks", "../shared/pretrained", "the folder of the networks")
	flag.StringVar(&m.cards, "cards", "testdata/cards", "the folder of their cards")
	flag.StringVar(&m.work, "work", filepath.Join(os.TempDir(), "odeon-solvers"), "the folder to keep samples and plans in")
	only := flag.String("only", "", "measure these networks, separated by commas")
	out := flag.String("o", "solvers.png", "picture to write")
	flag.Parse()
	if err := m.run(*only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "solvers:", err)
		os.Exit(1)
	}
}

func (m measuring) run(only, out string) error {
	if err := os.MkdirAll(m.work, 0o777); err != nil {
		return err
	}
	var all []curves
	var few []string
	for _, n := range networks {
		if only != "" && !slices.Contains(strings.Split(only, ","), n.name) {
			continue
		}
		fine, err := m.sample(n, n.fine...)
		if err != nil {
			return err
		}
		c := curves{network: n, errors: map[string][]measured{}}
		for _, s := range append(slices.Clone(n.solvers), fitted) {
			for _, calls := range callCounts {
				best, err := m.best(n, fine, s, calls)
				if err != nil {
					return err
				}
				c.errors[s.title] = append(c.errors[s.title], best)
			}
		}
		all = append(all, c)
		line, err := m.eightBesideTwelve(n, fine)
		if err != nil {
			return err
		}
		few = append(few, line)
	}
	for _, c := range all {
		c.print()
	}
	fmt.Println("| network | fitted, 8 calls | the closest solver of 12 calls | | the closest of 8 calls on the usual grid | on karras(7) |\n|---|---|---|---|---|---|")
	fmt.Println(strings.Join(few, "\n"))
	return draw(all, out)
}

// measured is an error, and the grid on which it was the least.
type measured struct {
	grid string
	fit.Error
}

// unmeasured is further off than anything.
var unmeasured = fit.Error{Mean: math.Inf(1), RMS: math.Inf(1)}

func (e measured) String() string { return fmt.Sprintf("%s (%s)", digits(e.Mean), digits(e.RMS)) }

func digits(v float64) string {
	if math.IsInf(v, 1) {
		return "-"
	}
	return fmt.Sprintf("%.2g", v)
}

// best is a solver's error with so many calls, on the grid where it is the least.
func (m measuring) best(n network, fine *array.Array, s solver, calls int) (measured, error) {
	if s.name == "" {
		return m.fittedError(n, fine, calls, n.fit)
	}
	best := measured{Error: unmeasured}
	for _, grid := range n.grids {
		e, err := m.error(n, fine, s, calls, grid)
		if err != nil {
			return best, err
		}
		if e.Mean < best.Mean {
			best = e
		}
	}
	return best, nil
}

// error is a solver's error on one grid; infinite where the grid has no such walk.
func (m measuring) error(n network, fine *array.Array, s solver, calls int, grid string) (measured, error) {
	words := []string{"--solver", s.name, "--steps", fmt.Sprint(calls / s.calls), "--grid", grid}
	x, err := m.sample(n, append(words, n.ends...)...)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s, %s %s, %d calls: %v\n", n.name, s.name, grid, calls, err)
		return measured{grid, unmeasured}, nil
	}
	return measured{grid, fit.Distance(x.Float32(), fine.Float32(), n.samples)}, nil
}

// fittedError is the error of a fitted plan of so many calls.
func (m measuring) fittedError(n network, fine *array.Array, calls int, how []string) (measured, error) {
	plan, err := m.fit(n, calls, how)
	if err != nil {
		return measured{}, err
	}
	x, err := m.sample(n, "--plan", plan)
	if err != nil {
		return measured{}, err
	}
	return measured{"fitted", fit.Distance(x.Float32(), fine.Float32(), n.samples)}, nil
}

// eightBesideTwelve is a line of the table that sets fitted plans of 8 calls beside solvers of 12, on every grid, and of 8.
func (m measuring) eightBesideTwelve(n network, fine *array.Array) (string, error) {
	how := n.fit
	if n.eight != nil {
		how = n.eight
	}
	eight, err := m.fittedError(n, fine, 8, how)
	if err != nil {
		return "", err
	}
	least, name := measured{Error: unmeasured}, ""
	equal := map[string]measured{}
	for _, s := range n.solvers {
		for _, grid := range n.more {
			e, err := m.error(n, fine, s, 12, grid)
			if err != nil {
				return "", err
			}
			least.RMS = min(least.RMS, e.RMS)
			if e.Mean < least.Mean {
				least.Mean, name = e.Mean, s.title+", "+grid
			}
		}
		for _, grid := range []string{n.usual, "karras(7)"} {
			e, err := m.error(n, fine, s, 8, grid)
			if err != nil {
				return "", err
			}
			if known, ok := equal[grid]; !ok || e.Mean < known.Mean {
				e.grid = s.title
				equal[grid] = e
			}
		}
	}
	times := func(grid string) string {
		e := equal[grid]
		return fmt.Sprintf("%s %s, %s times as far", e.grid, e, digits(e.Mean/eight.Mean))
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", n.name, eight, least, name, times(n.usual), times("karras(7)")), nil
}

// curves are the errors of a network's solvers, for each of callCounts.
type curves struct {
	network
	errors map[string][]measured
}

func (c curves) print() {
	fmt.Printf("%s, %d samples\n\n| calls |", c.name, c.samples)
	for _, calls := range callCounts {
		fmt.Printf(" %d |", calls)
	}
	fmt.Printf("\n|---|%s\n", strings.Repeat("---|", len(callCounts)))
	for _, s := range append(slices.Clone(c.solvers), fitted) {
		least := make([]string, 0, len(callCounts))
		for _, e := range c.errors[s.title] {
			least = append(least, e.String())
		}
		fmt.Printf("| %s | %s |\n", s.title, strings.Join(least, " | "))
	}
	fmt.Println()
}
