package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/onnx"
)

var update = flag.Bool("update", false, "keep the pictures of the README's commands as its gallery")

// readCommands collects the command lines of a page: those of its sh blocks, and `odeon ...` in its tables.
func readCommands(page string) []string {
	var commands []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1) {
		commands = append(commands, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	for _, cell := range regexp.MustCompile("\\| `(odeon [^`]+)` \\|").FindAllStringSubmatch(page, -1) {
		commands = append(commands, cell[1])
	}
	return commands
}

// elsewhere are lines that .ci/run executes in a clean clone.
var elsewhere = []string{"go test ./..."}

func TestEveryCommandOfTheReadmeWorks(t *testing.T) { runPage(t, "../../README.md", 15) }

func TestEveryCommandOfThePageConvertingWorks(t *testing.T) {
	runPage(t, "../../docs/converting.md", 15)
}

func TestEveryCommandOfThePageEditingWorks(t *testing.T) {
	runPage(t, "../../docs/editing.md", 12)
}

func TestEveryCommandOfThePageDiffusersWorks(t *testing.T) {
	runPage(t, "../../docs/diffusers.md", 20)
}

func TestEveryCommandOfThePageGuidanceWorks(t *testing.T) {
	runPage(t, "../../docs/guidance.md", 15)
}

func TestEveryCommandOfThePageFittedWorks(t *testing.T) { runPage(t, "../../docs/fitted.md", 6) }

func TestEveryCommandOfThePageTrainingWorks(t *testing.T) { runPage(t, "../../docs/training.md", 25) }

// runPage runs a page's commands, of which there are at least so many, one after the other in one folder, where the real networks
// and the cards are. With -update it keeps pictures that the page shows.
func runPage(t *testing.T, file string, least int) {
	if testing.Short() && filepath.Base(file) != "README.md" {
		t.Skip("a page of hundreds of commands; the same in the long run of the tests")
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	page := string(text)
	commands := readCommands(page)
	require.GreaterOrEqual(t, len(commands), least, "the commands of %s were not found", file)

	home := t.TempDir()
	cards, err := filepath.Abs("../../testdata/cards")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(cards, filepath.Join(home, "cards")))
	gallery, err := filepath.Abs("../../docs/gallery")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(gallery, filepath.Join(home, "gallery")))
	networks := linkNetworks(t, home)
	require.NoError(t, writeTrainingData(home))
	for name, kind := range map[string]string{"ddpm": "DDPM", "dit": "DiT"} {
		require.NoError(t, writePipeline(filepath.Join(home, name), kind))
	}
	card := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(page)
	if card != nil && len(networks) > 0 {
		require.NoError(t, os.WriteFile(filepath.Join(home, "mnist-vit", "card.json"), []byte(card[1]), 0o666))
	}
	// What is not there: networks of a folder beside the checkout, and what commands would have made of them.
	var absent []string
	for _, name := range []string{"mnist-vit", "emnist-latent", "mnist-geometric", "dino", "anime64"} {
		if !slices.Contains(networks, name) {
			absent = append(absent, name)
		}
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			if slices.Contains(elsewhere, command) {
				t.Skip("run by .ci/run in a clean clone")
			}
			if slices.ContainsFunc(absent, func(name string) bool { return strings.Contains(command, name) }) {
				if words := strings.Fields(command); words[1] == "convert" || words[1] == "compile" {
					absent = append(absent, words[3])
				}
				t.Skip("no ../shared/pretrained beside this checkout: its networks are not here")
			}
			if testing.Short() && strings.Contains(command, "anime64") {
				t.Skip("anime64 takes half a minute: left out of short runs")
			}
			line := command
			if rest, ok := strings.CutPrefix(line, "go run . "); ok {
				line = "odeon " + rest
			}
			line = reduced(line)
			if rest, ok := strings.CutPrefix(line, "go run ./scripts/field "); ok {
				out, err := exec.Command("go", "build", "-o", filepath.Join(home, "bin")+"/", "../../scripts/field").CombinedOutput()
				require.NoError(t, err, "%s", out)
				line = "bin/field " + rest
			}
			shell(t, home, line)
			file := regexp.MustCompile(`-o (\S+)`).FindStringSubmatch(line)
			if file == nil {
				return
			}
			made, err := os.ReadFile(filepath.Join(home, file[1]))
			require.NoError(t, err)
			if *update && strings.Contains(page, "gallery/"+file[1]) {
				require.NoError(t, os.WriteFile("../../docs/gallery/"+file[1], made, 0o666))
			}
		})
	}
}

// shell runs a command line in a folder, where it succeeds.
func shell(t *testing.T, folder, line string) {
	t.Helper()
	sh := exec.Command("sh", "-c", line)
	sh.Dir = folder
	sh.Env = append(os.Environ(), onnx.LibraryVariable+"="+library(t))
	out, err := sh.CombinedOutput()
	require.NoError(t, err, "%s\n%s", line, out)
}

// reduced makes a command that trains one of a few steps of a tiny network; others stay as they are. A page's numbers, such as the
// steps between two previews, become small ones.
func reduced(line string) string {
	if !strings.HasPrefix(line, "odeon train ") {
		return line
	}
	steps := false
	for _, r := range []struct{ flag, with string }{
		{`--(?:minutes|steps) \S+`, "--steps 4"}, {`--(every|preview) \d+`, "--$1 2"}, {`--batch \d+`, "--batch 8"},
		{`--size \d+`, "--size 8"}, {`--window \d+`, "--window 128"},
		{`--net 'mlp[^']*'`, "--net 'mlp(width=8, depth=1)'"}, {`--net 'unet[^']*'`, "--net 'unet(channels=8, mult=1)'"}, {`--net 'dit[^']*'`, "--net 'dit(width=16, depth=1)'"},
	} {
		pattern := regexp.MustCompile(r.flag)
		steps = steps || r.with == "--steps 4" && pattern.MatchString(line)
		line = pattern.ReplaceAllString(line, r.with)
	}
	if !steps {
		line += " --steps 4"
	}
	if !strings.Contains(line, "--batch") {
		line += " --batch 8"
	}
	if strings.Contains(line, "--net") || strings.Contains(line, "--from") {
		return line
	}
	for data, net := range map[string]string{"photos": "unet(channels=8, mult=1)", "voice": "unet(channels=8, mult=1)", "images": "unet(channels=8, mult=1)", "poems": "dit(width=16, depth=1)"} {
		if strings.Contains(line, "--data "+data) {
			return line + " --net '" + net + "'"
		}
	}
	return line + " --net 'mlp(width=8, depth=1)'"
}

// linkNetworks makes a folder of links for each of the real networks, so that a card can be put beside them.
func linkNetworks(t *testing.T, home string) []string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join(shared, "pretrained"))
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.onnx"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		require.NoError(t, os.MkdirAll(filepath.Join(home, name), 0o777))
		require.NoError(t, os.Symlink(file, filepath.Join(home, name, filepath.Base(file))))
		names = append(names, name)
	}
	return names
}

func TestTheReadmesProgramIsTheOneInExamples(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	program, err := os.ReadFile("../../examples/gaussian/main.go")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(program), "\n")
	require.True(t, found)
	require.Contains(t, string(page), "```go\n"+code+"```")

	out, err := exec.Command("go", "run", "../../examples/gaussian").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "mean 2.0\n", string(out))
}

func TestEveryDependencyHasALineInTheReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "\t") || strings.Contains(line, "// indirect") || len(fields) < 2 {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(fields[0], "github.com/"), "google.golang.org/")
		require.Contains(t, string(page), name, "go.mod requires %s", fields[0])
	}
}

func TestEveryPackageBeginsInItsDoc(t *testing.T) {
	files, err := filepath.Glob("../../*/*.go")
	require.NoError(t, err)
	inner, err := filepath.Glob("../../internal/*/*.go")
	require.NoError(t, err)
	packages := map[string][]string{}
	for _, file := range append(files, inner...) {
		packages[filepath.Dir(file)] = append(packages[filepath.Dir(file)], filepath.Base(file))
	}
	require.Greater(t, len(packages), 5)
	for folder, names := range packages {
		if len(names) > 2 {
			require.Contains(t, names, "doc.go", folder)
		}
	}
}

// Flags of the contract whose features come later are not here yet, and are refused, not ignored.
var contractFlags = strings.Fields(`count batch seed first rng steps solver sigma eta t-start t-end last grid indexes end-index variance label
	guidance guidance-interval clip init init-noise noise card prediction path time shape set set-null decode provider
	provider-option threads out json quiet allow-nonfinite runtime`)

func TestTheReportHasTheContractsFields(t *testing.T) {
	t.Setenv(onnx.LibraryVariable, library(t))
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"sample", "moons", "--json", "-o", filepath.Join(t.TempDir(), "x.npy")}, &stdout, &stderr), stderr.String())
	var report map[string]any
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &report))
	for _, field := range strings.Fields("model provider solver steps evaluations samples seed seconds files warnings split") {
		require.Contains(t, report, field)
	}
	for _, field := range []string{"workers", "batch", "threads", "why"} {
		require.Contains(t, report["split"], field)
	}
}

func TestSampleHasTheContractsFlags(t *testing.T) {
	var have []string
	for _, f := range sampleFlags() {
		have = append(have, f.Names()...)
	}
	for _, flag := range contractFlags {
		require.Contains(t, have, flag)
	}
}
