package cli

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// writeTrainingData fills a folder with one of everything that train reads, all small:
//
//	photos/bright photos/dark    pictures 12x10, eight a class
//	images-idx3-ubyte.gz         40 pictures 8x8, their classes 0-9 in labels-idx1-ubyte.gz
//	points.npy, classes.npy      64 points of two classes
//	table.csv                    columns x, y, kind
//	voice/one.wav voice/two.wav  half a second each
//	poems.txt                    lines of letters
func writeTrainingData(folder string) error {
	var err error
	write := func(name string, data []byte) {
		path := filepath.Join(folder, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o777)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o666)
		}
	}
	for class, name := range []string{"dark", "bright"} {
		for k := range 8 {
			img := image.NewGray(image.Rect(0, 0, 12, 10))
			for i := range img.Pix {
				img.Pix[i] = uint8(150*class + 10*k + i%5)
			}
			img.SetGray(k, k, color.Gray{255})
			var b bytes.Buffer
			if err == nil {
				err = png.Encode(&b, img)
			}
			write(fmt.Sprintf("photos/%s/%d.png", name, k), b.Bytes())
		}
	}

	idx := func(name string, content []byte, sizes ...uint32) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_ = binary.Write(z, binary.BigEndian, append([]uint32{uint32(0x0800 + len(sizes))}, sizes...))
		_, _ = z.Write(content)
		_ = z.Close()
		write(name, b.Bytes())
	}
	var pixels, labels []byte
	for i := range 40 {
		labels = append(labels, byte(i%10))
		for p := range 64 {
			pixels = append(pixels, byte(20*(i%10)+p/8*(i/10)))
		}
	}
	idx("images-idx3-ubyte.gz", pixels, 40, 8, 8)
	idx("labels-idx1-ubyte.gz", labels, 40)

	var points, classes []float32
	table := "x,y,kind\n"
	for i := range 64 {
		a, class := 2*math.Pi*float64(i)/64, i%2
		x, y := math.Cos(a)+float64(class), math.Sin(a)
		points, classes = append(points, float32(x), float32(y)), append(classes, float32(class))
		table += fmt.Sprintf("%.3f,%.3f,%s\n", x, y, []string{"left", "right"}[class])
	}
	npy := func(name string, numbers []float32, shape ...int) {
		if err == nil {
			err = writeNPY(filepath.Join(folder, name), numbers, shape...)
		}
	}
	npy("points.npy", points, 64, 2)
	npy("classes.npy", classes, 64)
	write("table.csv", []byte(table))

	for k, name := range []string{"one", "two"} {
		const n, rate = 4096, 8000
		var b bytes.Buffer
		b.WriteString("RIFF")
		_ = binary.Write(&b, binary.LittleEndian, uint32(36+2*n))
		b.WriteString("WAVEfmt ")
		_ = binary.Write(&b, binary.LittleEndian, []uint16{16, 0, 1, 1, rate, 0, 2 * rate, 0, 2, 16})
		b.WriteString("data")
		_ = binary.Write(&b, binary.LittleEndian, uint32(2*n))
		for i := range n {
			_ = binary.Write(&b, binary.LittleEndian, int16(9000*math.Sin(float64(i)*0.1*float64(k+1))))
		}
		write("voice/"+name+".wav", b.Bytes())
	}
	write("poems.txt", []byte(strings.Repeat("the cat sat on the mat\nand saw a bat\n", 20)))
	return err
}

// trainingData is writeTrainingData in a script: the files come into the current folder.
func trainingData(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: trainingdata")
	}
	ts.Check(writeTrainingData(ts.MkAbs(".")))
}

// contractTrainFlags are those of the contract's table.
var contractTrainFlags = strings.Fields(`data labels drop-label prediction path weight times coupling net steps batch rate schedule optimizer
	clip-norm ema accumulate seed minutes checkpoint every resume from validation preview metrics o provider threads json quiet runtime`)

func TestTrainHasTheContractsFlags(t *testing.T) {
	var have []string
	for _, f := range trainFlags() {
		have = append(have, f.Names()...)
	}
	for _, flag := range contractTrainFlags {
		require.Contains(t, have, flag)
	}
}

func TestANetworkIsNamedAfterItsData(t *testing.T) {
	for text, want := range map[string]string{
		"moons": "moons", "a/photos/": "photos", "x/train-images.idx3-ubyte.gz": "train-images", "table.csv": "table", "all.npz:x": "all",
		"/": "network", ".": "network", "..": "network", ".hidden.npy": "hidden",
	} {
		require.Equal(t, want, dataName(text), text)
	}
}

func TestNumbersOfAProgressLine(t *testing.T) {
	require.Equal(t, "950 samples/s", rateText(950))
	require.Equal(t, "12.3k samples/s", rateText(12345))
	require.Equal(t, "1.2M samples/s", rateText(1.2e6))
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, grouped(n))
	}
	pieces := []string{"step 1/10", "loss 0.5", "1s left"}
	require.Equal(t, "step 1/10, loss 0.5, 1s left", fitting(pieces, 100))
	require.Equal(t, "step 1/10, loss 0.5", fitting(pieces, 20))
	require.Equal(t, "step 1/10", fitting(pieces, 0))
}
