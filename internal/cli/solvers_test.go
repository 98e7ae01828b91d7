package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/sampler"
)

func TestEveryCommandOfThePageSolversWorks(t *testing.T) {
	runPage(t, "../../docs/solvers.md", 20)
}

// The page's table is that of the solvers there are; -update writes it.
func TestThePageSolversListsThemAll(t *testing.T) {
	const page, begin, end = "../../docs/solvers.md", "<!-- solvers -->\n", "<!-- end -->"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	table, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := "| solver | order | calls | what it does | settings | source |\n|---|---|---|---|---|---|\n"
	for _, s := range sampler.Solvers() {
		a := s.About()
		want += fmt.Sprintf("| `%s` | %s | %d | %s | %s | %s |\n", a.Name, orderText(a), a.Calls, a.Summary, strings.Join(a.Settings, ", "), a.Source)
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+begin+want+end+after), 0o666))
		return
	}
	require.Equal(t, want, table, "write it with go test ./internal/cli -run ThePageSolversLists -update")
}

// Every way to take the last step is in the page, in the words of the sampler.
func TestThePageSolversTellsOfEveryLastStep(t *testing.T) {
	text, err := os.ReadFile("../../docs/solvers.md")
	require.NoError(t, err)
	for _, last := range sampler.Lasts {
		require.Contains(t, string(text), "| "+last.Name+" | "+last.Summary)
	}
}
