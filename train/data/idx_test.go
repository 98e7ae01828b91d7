package data

import (
	"math"
	"testing"
)

func FuzzIDX(f *testing.F) {
	f.Add(idx([]uint32{2, 3}, ramp(6)))
	f.Add(gzipped(idx([]uint32{2, 3}, ramp(6))))
	f.Add(gzipped(idx([]uint32{1 << 31, 3}, ramp(6))))
	f.Add([]byte{0, 0, 0x0d, 1, 0, 0, 0, 1, 0x7f, 0x80, 0, 0})
	f.Fuzz(func(t *testing.T, content []byte) {
		rows, err := idxRows(&file{entry: entry{size: int64(len(content))}, memory: content})
		if err != nil {
			return
		}
		if rows.Len()*rows.Width() > maxRatio*len(content) {
			t.Fatalf("%v of %d bytes", rows.Shape, len(content))
		}
		x := make([]float32, rows.Width())
		for i := range int64(rows.Len()) {
			if err := rows.Read(x, i); err != nil {
				t.Fatal(err)
			}
			for _, v := range x {
				if rows.DType == "uint8" && (v < 0 || v > math.MaxUint8) {
					t.Fatal(v)
				}
			}
		}
	})
}
