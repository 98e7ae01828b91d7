package cli

import (
	"fmt"
	"image"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"

	"odeon/internal/render"
)

// screen is stdout or stderr as the commands write to it. Names and texts come out of a stranger's files: characters that
// would steer a terminal are shown as escapes, in JSON valid ones. It keeps the first error, so that no line of a report
// has to be checked by itself.
type screen struct {
	io.Writer
	err error
}

func (s *screen) Write(p []byte) (int, error) {
	if s.err == nil {
		_, s.err = io.WriteString(s.Writer, escape(string(p), steers))
	}
	return len(p), s.err
}

// terminal is the terminal behind w, for bars and pictures, which steer it; nil where there is none or where it cannot be
// steered.
func terminal(w io.Writer) *os.File {
	if s, ok := w.(*screen); ok {
		w = s.Writer
	}
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// steers tells the characters that move the cursor, change the colours or turn the direction of a line. Ends of lines and
// tabs do as well, and are what reports are made of.
func steers(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// oneLine shows a text that may hold anything as a piece of a line.
func oneLine(s string) string {
	return escape(s, func(r rune) bool { return r == '\n' || r == '\t' || steers(r) })
}

// escape writes the characters that which picks as \u001b, and bytes that are no UTF-8 as \ufffd.
func escape(s string, which func(rune) bool) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, which) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch _, size := utf8.DecodeRuneInString(s[i:]); {
		case r == utf8.RuneError && size == 1, which(r):
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// note tells the person something on stderr that is no failure.
func note(w io.Writer, quiet bool, format string, args ...any) {
	if !quiet {
		fmt.Fprintf(w, format+"\n", args...)
	}
}

// shortened cuts a text to most runes.
func shortened(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// widest is how many characters wide a picture is at the most.
const widest = 80

// showPicture draws a picture on a terminal that can show it; nil is none.
func showPicture(w io.Writer, quiet bool, img image.Image) error {
	f := terminal(w)
	if quiet || f == nil || img == nil {
		return nil
	}
	if colours, width := terminalLook(f); colours != render.NoColours {
		return render.Preview(f, img, min(width, widest), colours)
	}
	return nil
}

// terminalLook is what a terminal can show, and how wide it is.
func terminalLook(f *os.File) (render.Colours, int) {
	width := 80
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		width = columns
	}
	return render.TerminalColours(os.Getenv), width
}
