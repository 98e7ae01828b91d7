package data

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"odeon/models"
)

func TestTables(t *testing.T) {
	dir := t.TempDir()
	want := []float32{1, 2.5, -3, 4e-2}
	classes := []int64{1, 0}
	for _, c := range []struct {
		name, content string
		o             Options
		labels        []int64
		names         []string
	}{
		{"plain.csv", "1,2.5\n-3,4e-2\n", Options{}, nil, nil},
		{"crlf.csv", "\ufeff1,2.5\r\n-3,4e-2\r\n", Options{}, nil, nil},
		{"semicolon.csv", "x;y\n1;2.5\n-3;0.04", Options{}, nil, nil},
		{"tab.tsv", "# by hand\n1\t2.5\n\n-3\t.04\n", Options{}, nil, nil},
		{"quoted.csv", "\"x\",\"y\"\n\"1\", \"2.5\"\n-3,0.04\n", Options{}, nil, nil},
		{"labelled.csv", "label,x,y\n1,1,2.5\n0,-3,0.04\n", Options{}, classes, nil},
		{"none.csv", "x,label,y\n1,1,2.5\n-3,0,0.04\n", Options{Labels: "label"}, classes, nil},
		{"named.csv", "x,y,kind\n1,2.5,b\n-3,0.04,a\n", Options{Labels: "kind"}, classes, []string{"a", "b"}},
		{"last.csv", "1,2.5,b\n-3,0.04,a\n", Options{Labels: OwnLabels}, classes, []string{"a", "b"}},
		{"target.csv", "target,x,y\n1,1,2.5\n0,-3,0.04\n", Options{Labels: "target"}, classes, nil},
	} {
		s := open(t, write(t, dir, c.name, []byte(c.content)), c.o)
		require.Equal(t, []int{2}, s.Shape(), c.name)
		require.Equal(t, models.Points, s.Layout(), c.name)
		x, labels := first(t, s, 2)
		require.Equal(t, want, x, c.name)
		if c.labels == nil {
			require.Nil(t, s.Labels(), c.name)
			continue
		}
		require.Equal(t, c.labels, labels, c.name)
		require.Equal(t, c.names, s.Labels().Names, c.name)
	}
	outside := open(t, write(t, dir, "a.csv", []byte("1,2\n3,4\n")), Options{Labels: write(t, dir, "l.txt", []byte("1\n0\n"))})
	_, labels := first(t, outside, 2)
	require.Equal(t, classes, labels)

	pictures := open(t, write(t, dir, "mnist.csv", []byte("label,p1,p2,p3,p4\n1,0,1,2,3\n0,4,5,6,7\n")), Options{Shape: []int{1, 2, 2}})
	require.Equal(t, models.CHW, pictures.Layout())
}

// A table that is too large to be held is parsed line by line when it is asked for.
func TestLargeTablesAreReadFromTheirFile(t *testing.T) {
	text := "\ufeffx,label,y\n# a comment\n1,0,2\n\n3,1,4\n\"5\",1,6"
	for _, hold := range []bool{true, false} {
		r := bytes.NewReader([]byte(text))
		table, err := readTable(r, int64(len(text)), "", hold)
		require.NoError(t, err)
		require.Equal(t, 3, table.Len())
		require.Equal(t, hold, table.values != nil)
		require.Equal(t, []uint16{0, 1, 1}, table.classes.of)
		x := make([]float32, 2)
		for i := int64(2); i >= 0; i-- {
			require.NoError(t, table.Read(x, i))
			require.Equal(t, []float32{float32(2*i + 1), float32(2*i + 2)}, x)
		}
	}
}

func TestBadTables(t *testing.T) {
	for text, c := range map[string]struct {
		o    Options
		want string
	}{
		"x,y\n":                  {Options{}, "has no lines of numbers"},
		"# nothing\n":            {Options{}, "has no lines of numbers"},
		"1,2\n3\n":               {Options{}, "line 2 has another number of columns"},
		"1,2\n3,4,5\n":           {Options{}, "line 2 has another number of columns"},
		"x,y\n1,2\n3,\n":         {Options{}, `line 3: column "y" has "", expected a number`},
		"1,2\n3,nan\n":           {Options{}, "line 2: column 2 has nan, expected a finite number"},
		"1,2\n3,1e99\n":          {Options{}, "line 2: column 2 has 1e99, expected a finite number"},
		"1,2,setosa\n3,4,iris":   {Options{}, "--labels own takes the last column for classes"},
		"x,y\n1,2\n":             {Options{Labels: "z"}, "neither a file nor one of the columns x, y"},
		"label\n1\n2\n":          {Options{}, "no column beside the labels"},
		"x,label\n1,1.5\n":       {Options{}, `column "label": sample 0 has the label 1.5`},
		"1,2\n\"3,4\n":           {Options{}, "line"},
		"1,2\n3,4\n5,6\n":        {Options{Shape: []int{3}}, "cannot be read as --shape [3]"},
		"1,2,3,4\n5,6,7,8\n":     {Options{Shape: []int{2, 2}, Layout: models.CHW}, "--layout CHW does not fit"},
		"x,y\n1,2\n\x01\x02,3\n": {Options{}, "found bytes of no known kind"},
	} {
		path := write(t, t.TempDir(), "a.csv", []byte(text))
		_, err := Open(path, c.o)
		require.ErrorContains(t, err, c.want, "%q", text)
		require.Equal(t, 1, strings.Count(err.Error(), path), err.Error())
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("x,y,label\n1,2,a\n3,4,b\n"), "")
	f.Add([]byte("1;2\n3;4"), "own")
	f.Add([]byte("\ufeff#\n\"1\",2\n"), "none")
	f.Fuzz(func(t *testing.T, content []byte, labels string) {
		r := bytes.NewReader(content)
		held, err := readTable(r, int64(len(content)), labels, true)
		lines, err2 := readTable(r, int64(len(content)), labels, false)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("held: %v, by line: %v", err, err2)
		}
		if err != nil {
			return
		}
		x, y := make([]float32, held.width), make([]float32, held.width)
		for i := range int64(held.Len()) {
			if err := held.Read(x, i); err != nil {
				t.Fatal(err)
			}
			if err := lines.Read(y, i); err != nil {
				t.Fatal(err)
			}
			for k := range x {
				if x[k] != y[k] {
					t.Fatalf("row %d: %v, by line %v", i, x, y)
				}
			}
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add([]byte("label\n1\n0\n"))
	f.Add([]byte("cat\n\"dog\"\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := labelLines(bytes.NewReader(content))
		if err != nil {
			return
		}
		for _, class := range c.of {
			if int(class) >= c.Count {
				t.Fatalf("class %d of %d", class, c.Count)
			}
		}
	})
}
