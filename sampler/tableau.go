package sampler

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"odeon/schedule"
)

// Tableau is Butcher's table of an explicit Runge-Kutta method: slope i is taken at time t + C[i] h in the state
// x + h sum_j A[i][j] k_j, j < i, and the step is x + h sum_i B[i] k_i (Hairer, Norsett and Wanner, Solving Ordinary
// Differential Equations I, II.1).
type Tableau struct {
	A    [][]float64
	B, C []float64
}

// check: an explicit method whose first stage is the state itself and whose stages sit at their times.
func (t Tableau) check() error {
	s := len(t.B)
	if s == 0 || len(t.A) != s || len(t.C) != s {
		return fmt.Errorf("a tableau of %d weights, %d stages and %d times: expected as many of each, at least one", s, len(t.A), len(t.C))
	}
	for i, row := range t.A {
		if len(row) != i {
			return fmt.Errorf("tableau: stage %d has %d coefficients, expected %d: the method must be explicit", i, len(row), i)
		}
		if sum := total(row); math.Abs(sum-t.C[i]) > 1e-12 {
			return fmt.Errorf("tableau: the coefficients of stage %d sum to %v, its time is %v", i, sum, t.C[i])
		}
		if i > 0 && !(t.C[i] > 0 && t.C[i] <= 1) {
			return fmt.Errorf("tableau: stage %d sits at %v of the step, expected more than 0 and at most 1", i, t.C[i])
		}
	}
	if sum := total(t.B); math.Abs(sum-1) > 1e-12 {
		return fmt.Errorf("tableau: the weights sum to %v, expected 1", sum)
	}
	return nil
}

func total(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

// Order is that of the method's error: the highest p up to 6 such that the elementary weight of every rooted tree of up to p nodes is
// one over the tree's density (Butcher 1963; Hairer, Norsett and Wanner, theorem II.2.13).
func (t Tableau) Order() int {
	trees := [][]tree{{}} // by their number of nodes
	for p := 1; p <= 6; p++ {
		trees = append(trees, grown(trees, p-1, p-1))
		for _, u := range trees[p] {
			weight := 0.0
			for i, b := range t.B {
				weight += b * u.weight(t, i)
			}
			if math.Abs(weight*u.density()-1) > 1e-9 {
				return p - 1
			}
		}
	}
	return 6
}

// tree is a rooted tree: the trees on its root.
type tree []tree

// grown are the trees whose branches have so many nodes together, and at most so many each.
func grown(trees [][]tree, nodes, most int) []tree {
	if nodes == 0 {
		return []tree{{}}
	}
	var all []tree
	for size := min(nodes, most); size > 0; size-- {
		for i, branch := range trees[size] {
			// Branches of one size stand in the order of trees, so that no two trees are the same.
			same := append(trees[:size:size], trees[size][i:])
			for _, rest := range grown(same, nodes-size, size) {
				all = append(all, append(tree{branch}, rest...))
			}
		}
	}
	return all
}

func (u tree) nodes() int {
	n := 1
	for _, branch := range u {
		n += branch.nodes()
	}
	return n
}

// density is the product of the sizes of the tree and of all trees in it.
func (u tree) density() float64 {
	d := float64(u.nodes())
	for _, branch := range u {
		d *= branch.density()
	}
	return d
}

// weight is the elementary weight of stage i: the product over the branches of sum_j a_ij times that of the branch.
func (u tree) weight(t Tableau, i int) float64 {
	w := 1.0
	for _, branch := range u {
		sum := 0.0
		for j, a := range t.A[i] {
			sum += a * branch.weight(t, j)
		}
		w *= sum
	}
	return w
}

// ParseSolver reads a solver: a name of [Solvers], or a tableau as it is printed, a stage a line from its time on, the weights last:
//
//	tableau(0; 1/2, 1/2; 1, -1, 2; 1/6, 2/3, 1/6)
func ParseSolver(text string) (Solver, error) {
	inner, ok := strings.CutPrefix(strings.TrimSpace(text), "tableau(")
	if !ok {
		return SolverByName(text)
	}
	if inner, ok = strings.CutSuffix(inner, ")"); !ok {
		return Solver{}, fmt.Errorf("solver %s: expected a closing bracket at the end", text)
	}
	var rows [][]float64
	for line := range strings.SplitSeq(inner, ";") {
		var row []float64
		for entry := range strings.SplitSeq(line, ",") {
			v, err := constant(entry)
			if err != nil {
				return Solver{}, fmt.Errorf("solver tableau(...): line %d: %w", len(rows)+1, err)
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	return printed("tableau("+strings.Join(strings.Fields(inner), " ")+")", rows)
}

// ReadSolver reads a tableau from JSON, as printed too; entries are numbers or texts such as "1/6":
//
//	{"name": "kutta3", "tableau": [[0], ["1/2", "1/2"], [1, -1, 2], ["1/6", "2/3", "1/6"]]}
func ReadSolver(r io.Reader) (Solver, error) {
	var file struct {
		Name    string  `json:"name"`
		Tableau [][]any `json:"tableau"`
	}
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return Solver{}, fmt.Errorf(`a solver's file: %w; expected {"name": "heun", "tableau": [[0], [1, 1], ["1/2", "1/2"]]}`, err)
	}
	if file.Name == "" {
		file.Name = "tableau"
	}
	var rows [][]float64
	for i, line := range file.Tableau {
		var row []float64
		for _, entry := range line {
			v, err := constant(fmt.Sprint(entry))
			if err != nil {
				return Solver{}, fmt.Errorf("solver %s: line %d of the tableau: %w", file.Name, i+1, err)
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	return printed(file.Name, rows)
}

// constant is a number, or a formula without variables.
func constant(text string) (float64, error) {
	if v, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil && finite(v) {
		return v, nil
	}
	f, err := schedule.ParseFormula(text)
	if err != nil {
		return 0, err
	}
	if v := f.Eval(); finite(v) {
		return v, nil
	}
	return 0, fmt.Errorf("%s is not finite", strings.TrimSpace(text))
}

// most is how many stages a tableau may have.
const mostStages = 32

// printed is the solver of a tableau as it is printed.
func printed(name string, rows [][]float64) (Solver, error) {
	stages := len(rows) - 1
	if stages < 1 || stages > mostStages {
		return Solver{}, fmt.Errorf("solver %s: found %d lines, expected one for each of 1 to %d stages and one of weights", name, len(rows), mostStages)
	}
	s := Solver{Name: name}
	for i, row := range rows[:stages] {
		if len(row) != i+1 {
			return Solver{}, fmt.Errorf("solver %s: line %d has %d numbers, expected %d: the stage's time, and a coefficient for each stage before it", name, i+1, len(row), i+1)
		}
		s.Tableau.C, s.Tableau.A = append(s.Tableau.C, row[0]), append(s.Tableau.A, row[1:])
	}
	if s.Tableau.B = rows[stages]; len(s.Tableau.B) != stages {
		return Solver{}, fmt.Errorf("solver %s: the last line has %d weights, expected %d, one a stage", name, len(s.Tableau.B), stages)
	}
	if err := s.Tableau.check(); err != nil {
		return Solver{}, fmt.Errorf("solver %s: %w", name, err)
	}
	s.Summary = fmt.Sprintf("a Runge-Kutta method of order %d in %d stages", s.Tableau.Order(), stages)
	if stages > 2 {
		s.Instead = &Midpoint
	}
	return s, nil
}
