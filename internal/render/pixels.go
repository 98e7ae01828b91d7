package render

import (
	"fmt"
	"math"
)

// raster says how the numbers of one picture become the pixels of a tile.
type raster struct {
	width, height int    // of the picture
	channels      int    // that are read: 1, 3 or 4 colours, or gray planes side by side
	planes        bool   // channels are gray pictures of their own
	stride        [3]int // of channel, row, column
	frames        int    // of video; 1 for pictures
	frameStride   int
	lo, gain      float64 // value v has brightness (v-lo)*gain, from 0 to 255
	shrink        int     // a pixel of the tile is the mean of shrink x shrink numbers
}

// maxPlanes bounds how many channels are shown side by side.
const maxPlanes = 8

// newRaster reads the layout. 1, 3 and 4 channels are gray, RGB and RGBA; any other number, and latents of any, are gray
// planes side by side, of which the note says how many are shown.
func newRaster(s *Samples) (r raster, note string) {
	lo, hi := s.span()
	r = raster{frames: 1, lo: lo, gain: 255 / (hi - lo), shrink: 1}
	shape := s.Shape
	if ranks[s.Layout].kind == video {
		r.frames, shape = shape[0], shape[1:]
		r.frameStride = shape[0] * shape[1] * shape[2]
	}
	channels := 1
	switch s.Layout {
	case HW:
		r.height, r.width = shape[0], shape[1]
		r.stride = [3]int{0, r.width, 1}
	case CHW, TCHW:
		channels, r.height, r.width = shape[0], shape[1], shape[2]
		r.stride = [3]int{r.height * r.width, r.width, 1}
	case HWC, THWC:
		r.height, r.width, channels = shape[0], shape[1], shape[2]
		r.stride = [3]int{1, r.width * channels, channels}
	}
	r.channels = channels
	r.planes = channels != 1 && (s.Latent || channels != 3 && channels != 4)
	if r.planes && channels > maxPlanes {
		r.channels = maxPlanes
		note = fmt.Sprintf("shows the first %d of %d channels as gray pictures side by side", maxPlanes, channels)
	}
	return r, note
}

// colours is the number of bytes of a pixel: 1 gray, 3 RGB, 4 RGBA.
func (r *raster) colours() int {
	if r.planes {
		return 1
	}
	return r.channels
}

// size is that of a tile. A white line stands between planes.
func (r *raster) size() (width, height int) {
	width, height = max(r.width/r.shrink, 1), max(r.height/r.shrink, 1)
	if r.planes {
		width = r.channels*(width+1) - 1
	}
	return width, height
}

// frame is the part of a sample that holds one frame.
func (r *raster) frame(x []float32, t int) []float32 {
	if r.frames == 1 {
		return x
	}
	return x[t*r.frameStride : (t+1)*r.frameStride]
}

// brightness maps a value of the model's range to 0..255, rounded and clamped; NaN is black.
func (r *raster) brightness(v float64) uint8 {
	v = (v-r.lo)*r.gain + 0.5
	switch {
	case v >= 255:
		return 255
	case v >= 0:
		return uint8(v)
	}
	return 0
}

// at is the brightness of one channel at a pixel of the tile.
func (r *raster) at(x []float32, channel, row, column int) uint8 {
	if r.shrink == 1 {
		return r.brightness(float64(x[channel*r.stride[0]+row*r.stride[1]+column*r.stride[2]]))
	}
	sum, count := 0.0, 0.0
	for i := row * r.shrink; i < min((row+1)*r.shrink, r.height); i++ {
		for j := column * r.shrink; j < min((column+1)*r.shrink, r.width); j++ {
			sum += float64(x[channel*r.stride[0]+i*r.stride[1]+j*r.stride[2]])
			count++
		}
	}
	return r.brightness(sum / count)
}

// pixel writes the bytes of one pixel of the tile: gray, or NRGBA.
func (r *raster) pixel(dst []uint8, x []float32, row, column int) {
	switch {
	case r.planes:
		width := max(r.width/r.shrink, 1) + 1
		dst[0] = 255
		if inside := column % width; inside < width-1 {
			dst[0] = r.at(x, column/width, row, inside)
		}
	case r.channels == 1:
		dst[0] = r.at(x, 0, row, column)
	default:
		dst[3] = 255
		for c := range r.channels {
			dst[c] = r.at(x, c, row, column)
		}
	}
}

// enlargement is the whole factor that makes a tile at least 56 pixels wide or high, so that a 16x16 glyph or a 28x28
// digit can be seen.
func (r *raster) enlargement() int {
	return int(math.Ceil(56 / float64(max(r.width, r.height))))
}
