package sampler

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The orders of methods in the books, by the order conditions alone.
func TestTheOrderOfATableauIsThatOfTheBooks(t *testing.T) {
	for text, want := range map[string]int{
		"euler": 1, "heun": 2, "midpoint": 2, "rk4": 4, "dopri5": 5,
		"tableau(0; 2/3, 2/3; 1/4, 3/4)":                                           2, // Ralston 1962
		"tableau(0; 1/2, 1/2; 1, -1, 2; 1/6, 2/3, 1/6)":                            3, // Kutta 1901
		"tableau(0; 1/3, 1/3; 2/3, 0, 2/3; 1/4, 0, 3/4)":                           3, // Heun 1900
		"tableau(0; 1/3, 1/3; 2/3, -1/3, 1; 1, 1, -1, 1; 1/8, 3/8, 3/8, 1/8)":      4, // Kutta's 3/8 rule
		"tableau(0; 1/4, 1/4; 1/2, 0, 1/2; 1, 0, 0, 1; 0, 0, 1, 0)":                2,
		"tableau(0; 1, 1; 1/2, 1/4, 1/4; 1/6, 1/6, 2/3)":                           3, // Shu and Osher 1988
		"tableau(0; 1/2, 1/2; 1/2, 0, 1/2; 1, 0, 0, 1; 1/6, 1/3, 1/3 + 1e-9, 1/6)": -1,
		"tableau(0; 1/4, 1/4; 1/4, 1/8, 1/8; 1/2, 0, -1/2, 1; 3/4, 3/16, 0, 0, 9/16; 1, -3/7, 2/7, 12/7, -12/7, 8/7; 7/90, 0, 32/90, 12/90, 32/90, 7/90)": 5, // Butcher 1964
	} {
		s, err := ParseSolver(text)
		if want < 0 {
			require.ErrorContains(t, err, "weights sum to")
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, s.Tableau.Order(), text)
	}
}

// 1, 1, 2, 4, 9 and 20 rooted trees have 1 to 6 nodes (Hairer, Norsett and Wanner, table II.2.1).
func TestTheRootedTreesAreCountedRight(t *testing.T) {
	trees := [][]tree{{}}
	for p := 1; p <= 6; p++ {
		trees = append(trees, grown(trees, p-1, p-1))
		require.Len(t, trees[p], []int{0, 1, 1, 2, 4, 9, 20}[p])
	}
}

func TestTableausAreReadAndRefused(t *testing.T) {
	for text, want := range map[string]string{
		"tableau(0; 1":                                    "expected a closing bracket",
		"tableau(0; 1/2, 1/2; 0, 1, 2)":                   "the last line has 3 weights, expected 2",
		"tableau(0; 1/2, 1/2, 1/2; 0, 1)":                 "line 2 has 3 numbers, expected 2",
		"tableau(0; 1/2, 1/3; 0, 1)":                      "the coefficients of stage 1 sum to 0.333",
		"tableau(0; 1/2, 1/2; 1/2, 1)":                    "the weights sum to 1.5",
		"tableau(0; 3/2, 3/2; 1/2, 1/2)":                  "stage 1 sits at 1.5 of the step",
		"tableau(1; 1)":                                   "the coefficients of stage 0 sum to 0, its time is 1",
		"tableau()":                                       "line 1",
		"tableau(0)":                                      "found 1 lines, expected one for each of 1 to 32 stages and one of weights",
		"tableau(0; 1/0, 1; 1/2, 1/2)":                    "line 2: 1/0 is not finite",
		"tableau(0; x, 1; 1/2, 1/2)":                      "line 2",
		"tabelau(0; 1, 1; 1/2, 1/2)":                      "unknown solver",
		"tableau" + "(0" + strings.Repeat(";1", 40) + ")": "found 41 lines",
	} {
		_, err := ParseSolver(text)
		require.ErrorContains(t, err, want, text)
	}
	for text, want := range map[string]string{
		`{"tableau": [[0], [1, 1], ["1/2"]]}`:                "solver tableau: the last line has 1 weights",
		`{"name": "mine", "tableau": [[0], [1, true], [1]]}`: "solver mine: line 2",
		`{"name": "mine"}`:                                   "found 0 lines",
		`{"nam": "mine"}`:                                    "unknown field",
		`[`:                                                  "a solver's file",
	} {
		_, err := ReadSolver(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
	s, err := ReadSolver(strings.NewReader(`{"name": "mine", "tableau": [[0], [1, 1], ["1/2", 0.5]]}`))
	require.NoError(t, err)
	require.Equal(t, Heun.Tableau.B, s.Tableau.B)
	require.Equal(t, "a Runge-Kutta method of order 2 in 2 stages", s.Summary)
}

func FuzzParseSolver(f *testing.F) {
	f.Add("tableau(0; 1/2, 1/2; 1, -1, 2; 1/6, 2/3, 1/6)")
	f.Add("heun")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSolver(text); err == nil && s.step == nil {
			again, err := ParseSolver(s.Name)
			require.NoError(t, err)
			require.Equal(t, s.Tableau, again.Tableau)
		}
	})
}
