package data

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
)

// decode is what a sampler makes of text samples: at each position the token with the largest value.
func decode(x []float32, vocabulary []string) string {
	var b strings.Builder
	for ; len(x) > 0; x = x[len(vocabulary):] {
		best := 0
		for k := range vocabulary {
			if x[k] > x[best] {
				best = k
			}
		}
		b.WriteString(vocabulary[best])
	}
	return b.String()
}

func TestTextWindowsDecodeToTheText(t *testing.T) {
	accents := strings.Repeat("Sténographe à l'Odéon, 劇場.\n", 300) // past several anchors
	for name, text := range map[string]string{
		"ascii":  "to be or not to be",
		"utf-8":  accents,
		"marked": "\ufeffmarked",
	} {
		path := write(t, t.TempDir(), "a.txt", []byte(text))
		characters := []rune(strings.TrimPrefix(text, "\ufeff"))
		for _, stride := range []int{1, 3} {
			s := open(t, path, Options{Window: 5, Stride: stride})
			require.Equal(t, (len(characters)-5)/stride+1, s.Len(), name)
			require.Equal(t, []int{5, len(s.Vocabulary())}, s.Shape())
			require.Equal(t, models.L, s.Layout())
			require.Equal(t, &[2]float64{-1, 1}, s.Range())
			x, _ := first(t, s, s.Len())
			dim := Dim(s)
			for i := range s.Len() {
				require.Equal(t, string(characters[i*stride:i*stride+5]), decode(x[i*dim:(i+1)*dim], s.Vocabulary()), "%s, window %d", name, i)
			}
		}
	}
	s := open(t, write(t, t.TempDir(), "b.txt", []byte("banana")), Options{Window: 2})
	require.Equal(t, []string{"a", "b", "n"}, s.Vocabulary())
	x, _ := first(t, s, 1)
	require.Equal(t, []float32{-1, 1, -1, 1, -1, -1}, x)
}

func TestBadTexts(t *testing.T) {
	for text, c := range map[string]struct {
		o    Options
		want string
	}{
		"short":                               {Options{}, "has 5 characters, expected one window of 64"},
		"aaaaaaaaaaaaaaaaaaaaaaaa":            {Options{Window: 4}, "fewer than two different characters"},
		strings.Repeat("a", 5000) + "\xff":    {Options{}, "byte 5000 is not UTF-8"},
		strings.Repeat("a", 5000) + "b\xe9":   {Options{}, "byte 5001 is not UTF-8"},
		"caf\xe9 in Latin-1":                  {Options{}, "found bytes of no known kind"},
		"a text that nobody has labelled":     {Options{Labels: "l.txt"}, "which has no classes"},
		"a text that has no shape of its own": {Options{Shape: []int{4}}, "--window sets the first"},
		"a text that is not a picture":        {Options{Layout: models.CHW}, "layout L"},
	} {
		path := write(t, t.TempDir(), "a.txt", []byte(text))
		_, err := Open(path, c.o)
		require.ErrorContains(t, err, c.want, "%.20q", text)
		require.Equal(t, 1, strings.Count(err.Error(), path), err.Error())
	}
	var many strings.Builder
	for c := range rune(5000) {
		many.WriteRune('一' + c)
	}
	_, err := Open(write(t, t.TempDir(), "a.txt", []byte(many.String())), Options{})
	require.ErrorContains(t, err, "more than 4096 different characters")
}
