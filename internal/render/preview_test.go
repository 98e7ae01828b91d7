package render

import (
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPreviewShowsTwoPixelsACharacter(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 3))
	img.Set(0, 0, color.NRGBA{255, 0, 0, 255})
	img.Set(0, 1, color.NRGBA{0, 255, 0, 255})
	img.Set(1, 0, color.NRGBA{255, 0, 0, 255})
	img.Set(1, 1, color.NRGBA{0, 255, 0, 255})
	img.Set(0, 2, color.NRGBA{0, 0, 255, 255})
	img.Set(1, 2, color.NRGBA{8, 8, 8, 255})
	var b strings.Builder
	require.NoError(t, Preview(&b, img, 80, TrueColour))
	require.Equal(t, "\x1b[38;2;255;0;0;48;2;0;255;0m▀▀\x1b[0m\n"+
		"\x1b[38;2;0;0;255;48;2;255;255;255m▀\x1b[38;2;8;8;8;48;2;255;255;255m▀\x1b[0m\n", b.String())
	b.Reset()
	require.NoError(t, Preview(&b, img, 80, Colours256))
	require.Equal(t, "\x1b[38;5;196;48;5;46m▀▀\x1b[0m\n\x1b[38;5;21;48;5;231m▀\x1b[38;5;232;48;5;231m▀\x1b[0m\n", b.String())
	b.Reset()
	require.NoError(t, Preview(&b, img, 80, NoColours))
	require.Empty(t, b.String())
}

func TestAPreviewFitsItsWidth(t *testing.T) {
	for _, size := range []image.Point{{720, 500}, {100, 1000}, {1000, 1}, {3, 3}} {
		var b strings.Builder
		require.NoError(t, Preview(&b, image.NewGray(image.Rectangle{Max: size}), 40, TrueColour))
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		require.LessOrEqual(t, len(lines), 20)
		for _, line := range lines {
			require.LessOrEqual(t, strings.Count(line, "▀"), 40)
		}
	}
}

func TestColoursOfATerminal(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want Colours
	}{
		{map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TrueColour},
		{map[string]string{"TERM": "xterm-256color", "LANG": "de_DE.UTF-8"}, Colours256},
		{map[string]string{"TERM": "xterm-direct"}, TrueColour},
		{map[string]string{"TERM": "xterm-256color", "LC_ALL": "C"}, NoColours},
		{map[string]string{"TERM": "xterm-256color", "LC_ALL": "C.utf8", "LANG": "C"}, Colours256},
		{map[string]string{"TERM": "xterm-256color", "NO_COLOR": "1"}, NoColours},
		{map[string]string{"TERM": "dumb", "COLORTERM": "truecolor"}, NoColours},
		{map[string]string{"TERM": "vt100"}, NoColours},
		{nil, NoColours},
	} {
		require.Equal(t, c.want, TerminalColours(func(name string) string { return c.env[name] }), "%v", c.env)
	}
}
