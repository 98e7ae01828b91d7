package render

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
)

func openSVG(r *request) (body, error) {
	return newStill(r, func(w io.Writer, s *still) error { return s.svg(w, s.meta) })
}

// embedSVG writes a picture as an SVG file that holds it pixel by pixel.
func embedSVG(w io.Writer, img image.Image, m Meta) error {
	var pixels bytes.Buffer
	if err := png.Encode(&pixels, img); err != nil {
		return err
	}
	size := img.Bounds().Size()
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">
%s<image width="%d" height="%d" style="image-rendering:pixelated" href="data:image/png;base64,%s"/>
</svg>
`, size.X, size.Y, size.X, size.Y, describeSVG(m), size.X, size.Y, base64.StdEncoding.EncodeToString(pixels.Bytes()))
	return err
}

// describeSVG gives the title and the making of a picture as SVG's elements for them.
func describeSVG(m Meta) string {
	var b bytes.Buffer
	if m.Title != "" {
		b.WriteString("<title>")
		xml.EscapeText(&b, []byte(m.Title))
		b.WriteString("</title>\n")
	}
	if len(m.Text) > 0 {
		b.WriteString("<desc>")
		for i, f := range m.Text {
			if i > 0 {
				b.WriteString("; ")
			}
			xml.EscapeText(&b, []byte(f.Key+": "+f.Text))
		}
		b.WriteString("</desc>\n")
	}
	return b.String()
}

// insertSVG puts the description behind the opening tag of an SVG file.
func insertSVG(file []byte, m Meta) []byte {
	at := bytes.Index(file, []byte("<svg"))
	if at < 0 {
		return file
	}
	end := bytes.IndexByte(file[at:], '>')
	if end < 0 {
		return file
	}
	at += end + 1
	file = slices.Concat(file[:at], []byte("\n"+describeSVG(m)), file[at:])
	// vgsvg calls the PNG images that it embeds JPEG, and names a font that few machines have.
	file = bytes.ReplaceAll(file, []byte("data:image/jpg;base64,"), []byte("data:image/png;base64,"))
	return bytes.ReplaceAll(file, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
}
