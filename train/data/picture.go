package data

import (
	"image"
	"image/color"
	_ "image/gif"  // image.Decode reads what is imported here
	_ "image/jpeg" // likewise
	_ "image/png"  // likewise

	_ "golang.org/x/image/bmp" // likewise
	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff" // likewise
	_ "golang.org/x/image/webp" // likewise
)

// frame is the form that pictures are given.
type frame struct{ channels, height, width int }

func (f frame) shape() []int { return []int{f.channels, f.height, f.width} }

// cut crops a picture in the middle to the frame's proportions and scales it, by Catmull and Rom's cubic, whose support grows
// with the reduction. What is transparent shows white. The result is [channels, height, width].
func (f frame) cut(m image.Image) []byte {
	crop := f.crop(m.Bounds())
	canvas := image.NewRGBA(image.Rect(0, 0, f.width, f.height))
	draw.Draw(canvas, canvas.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	if crop.Dx() == f.width && crop.Dy() == f.height {
		draw.Draw(canvas, canvas.Rect, m, crop.Min, draw.Over)
	} else {
		draw.CatmullRom.Scale(canvas, canvas.Rect, m, crop, draw.Over, nil)
	}
	pixels := make([]byte, f.channels*f.height*f.width)
	plane := f.height * f.width
	for k := range plane {
		p := canvas.Pix[4*k : 4*k+4]
		if f.channels == 1 {
			pixels[k] = luma(p[0], p[1], p[2])
			continue
		}
		pixels[k], pixels[plane+k], pixels[2*plane+k] = p[0], p[1], p[2]
	}
	return pixels
}

// crop is the largest part of b in its middle that has the frame's proportions.
func (f frame) crop(b image.Rectangle) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if w*f.height > h*f.width {
		w = max((h*f.width+f.height/2)/f.height, 1)
	} else {
		h = max((w*f.height+f.width/2)/f.width, 1)
	}
	at := b.Min.Add(image.Pt((b.Dx()-w)/2, (b.Dy()-h)/2))
	return image.Rectangle{at, at.Add(image.Pt(w, h))}
}

// luma is the gray of a colour, 0.299 R + 0.587 G + 0.114 B as in JPEG; exact for grays.
func luma(r, g, b byte) byte {
	return byte((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}
