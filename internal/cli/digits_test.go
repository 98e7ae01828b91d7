package cli

import (
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
	"odeon/train/data"
)

func TestTheDefaultPictureHasAColumnForEachDigit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "digits.png")
	sampled(t, "--steps", "1", "-o", file)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	picture, err := png.DecodeConfig(f)
	require.NoError(t, err)
	// Tiles are square, with a margin of 2 between them and around: 4 rows of 10.
	require.Equal(t, (picture.Height-2)*10, (picture.Width-2)*4)
}

// Of digits drawn with no more words than a class, the nearest of 10,000 real ones is nearly always of that class. (Of the
// first thousand real ones, 92 % have a nearest other of theirs.)
func TestDigitsLookLikeTheirClass(t *testing.T) {
	written := openDigits(t)
	drawn, _ := sampled(t)
	right, n := 0, drawn.Shape[0]
	for i := range n {
		if written.class(drawn.Float32()[i*784:(i+1)*784]) == int64(i%10) {
			right++
		}
	}
	require.GreaterOrEqual(t, float64(right)/float64(n), 0.9, "%d of %d digits", right, n)
}

// The command of models/README.md, on other pictures and shortened, ends in a network with the card that it names.
func TestTheCommandThatTrainsDigitsWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("trains; the same in the long run of the tests")
	}
	page, err := os.ReadFile("../../models/README.md")
	require.NoError(t, err)
	commands := readCommands(string(page))
	require.Len(t, commands, 1)
	home := t.TempDir()
	require.NoError(t, writeTrainingData(home))
	folder, err := filepath.Abs("../../models")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(folder, filepath.Join(home, "models")))
	for _, name := range []string{"images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"} {
		require.NoError(t, os.Symlink(name, filepath.Join(home, "t10k-"+name)))
	}
	shell(t, home, reduced(commands[0]))
	m, err := models.Open(filepath.Join(home, "digits.onnx"))
	require.NoError(t, err)
	require.Equal(t, "digits", m.Card.Name)
	require.NotEmpty(t, m.Card.Sampling)
}

// digits are the 10,000 that people wrote.
type digits struct {
	pixels []float32
	labels []int64
}

func openDigits(t *testing.T) digits {
	t.Helper()
	folder := filepath.Join(shared, "data", "mnist-t10k")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("no ../shared/data beside this checkout: there are no real digits to compare with")
	}
	set, err := data.Open(filepath.Join(folder, "t10k-images-idx3-ubyte.gz"), data.Options{Labels: filepath.Join(folder, "t10k-labels-idx1-ubyte.gz")})
	require.NoError(t, err)
	defer set.Close()
	n := int64(set.Len())
	d := digits{make([]float32, n*784), make([]int64, n)}
	indices := make([]int64, n)
	for i := range indices {
		indices[i] = int64(i)
	}
	require.NoError(t, set.Read(d.pixels, d.labels, indices))
	return d
}

// class is that of the nearest real digit.
func (d digits) class(picture []float32) int64 {
	class, least := int64(-1), math.Inf(1)
	for i, label := range d.labels {
		distance := 0.0
		for k, v := range d.pixels[i*784 : (i+1)*784] {
			distance += float64((v - picture[k]) * (v - picture[k]))
		}
		if distance < least {
			class, least = label, distance
		}
	}
	return class
}
