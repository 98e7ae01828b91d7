package onnx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"odeon/internal/atomicfile"
)

// WriteOptions say how weights are stored. The zero value leaves them as they are.
type WriteOptions struct {
	Weights Weights
	Place   Place

	// External is the name of the file of weights beside the model with the place [External]; "" is the model's own name
	// and ".data".
	External string
}

// externalFile is a file of weights of a source, by the name that its tensors give.
type externalFile struct {
	source   *Source
	location string
}

// WriteFile writes the model after a [Graph.Check]. It appears under its name when it is complete, its weights' files first.
// Tensors in files of their own stay there when the model is written into its own folder, and those files are copied into
// another one.
func (g *Graph) WriteFile(path string, o WriteOptions) error {
	e := &encoder{storage: storage{weights: o.Weights, place: o.Place}}
	defer e.closeAll()
	var err error
	if e.file, err = g.dataName(path, o); err != nil {
		return err
	}
	m, err := g.encodeModel(e)
	g.warnings = e.warnings
	if err != nil {
		return err
	}
	var files []*atomicfile.File
	defer func() {
		for _, f := range files {
			f.Abort() // does nothing after Commit
		}
	}()
	write := func(path string, fill func(io.Writer) error) error {
		f, err := atomicfile.Create(path)
		if err != nil {
			return err
		}
		files = append(files, f)
		w := bufio.NewWriterSize(f, copyBuffer)
		if err := fill(w); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return f.Finish()
	}
	if err := write(path, m.writeTo); err != nil {
		return err
	}
	if len(e.data) > 0 {
		if err := write(filepath.Join(filepath.Dir(path), e.file), e.writeData); err != nil {
			return err
		}
	}
	if err := e.carry(g, filepath.Dir(path), write); err != nil {
		return err
	}
	for i := range files { // the model last
		if err := files[len(files)-1-i].Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Warnings is what the last [Graph.WriteFile] has to say: which tensors do not fit float16 and were left in float32.
func (g *Graph) Warnings() []string { return g.warnings }

// dataName is the name of the file of weights beside the model.
func (g *Graph) dataName(path string, o WriteOptions) (string, error) {
	taken := map[string]bool{filepath.Base(path): true} // by files that may go on to be used
	for s := range g.shared {
		for _, location := range s.info.External {
			taken[location] = taken[location] || s.apart[location] || o.Place == KeepPlace
		}
	}
	name := o.External
	switch {
	case name == "":
		name = filepath.Base(path) + ".data"
		for i := 2; taken[name]; i++ {
			name = fmt.Sprintf("%s.%d.data", filepath.Base(path), i)
		}
	case o.Place != External:
		return "", fmt.Errorf("%s: a file for weights is named (%s), and they are not to be moved there", path, name)
	case name != filepath.Base(name) || outsideFolder(name) != "":
		return "", fmt.Errorf("%s: weights are to lie in %q, and the name of a file in the model's folder is expected", path, name)
	case taken[name]:
		return "", fmt.Errorf("%s: weights are to lie in %q, which is the model itself or holds other weights of it; choose another name", path, name)
	}
	return name, nil
}

// open opens a file of weights of a source.
func (e *encoder) open(s *Source, location string) (io.ReaderAt, error) {
	key := externalFile{s, location}
	if file, ok := e.opened[key]; ok {
		return file, nil
	}
	file, err := os.Open(s.beside(location))
	if err != nil {
		return nil, err
	}
	if e.opened == nil {
		e.opened = map[externalFile]*os.File{}
	}
	e.opened[key] = file
	return file, nil
}

func (e *encoder) closeAll() {
	for _, file := range e.opened {
		file.Close()
	}
}

// beside is the path of a file that the model refers to.
func (s *Source) beside(location string) string {
	return filepath.Join(s.folder(), filepath.FromSlash(location))
}

// keep notes that the model goes on to refer to a file of weights.
func (e *encoder) keep(s *Source, location string) {
	if e.kept == nil {
		e.kept = map[externalFile]bool{}
	}
	e.kept[externalFile{s, location}] = true
}

// writeData writes the file of weights beside the model.
func (e *encoder) writeData(w io.Writer) error {
	buffer, padding := make([]byte, copyBuffer), make([]byte, externalAlignment)
	var at int64
	for _, run := range e.data {
		if _, err := w.Write(padding[:run.offset-at]); err != nil {
			return err
		}
		if err := run.bulk.writeTo(w, buffer); err != nil {
			return err
		}
		at = run.offset + int64(run.bulk.len())
	}
	return nil
}

// carry copies the files of weights that the model refers to into its folder, those aside that are there.
func (e *encoder) carry(g *Graph, folder string, write func(string, func(io.Writer) error) error) error {
	if e.place != Inline {
		for s := range g.shared {
			for location := range s.apart {
				e.keep(s, location)
			}
		}
	}
	var list []externalFile
	for file := range e.kept {
		list = append(list, file)
	}
	slices.SortFunc(list, func(a, b externalFile) int {
		return bytes.Compare([]byte(a.location+a.source.info.File), []byte(b.location+b.source.info.File))
	})
	for i, file := range list {
		from := file.source.beside(file.location)
		to := filepath.Join(folder, filepath.FromSlash(file.location))
		if i > 0 && list[i-1].location == file.location {
			same, err := sameContent(list[i-1].source.beside(file.location), from)
			switch {
			case err != nil:
				return err
			case !same:
				return fmt.Errorf("%s and %s are different files of weights of one name, which cannot lie in one folder: put the weights inside the model (--inline)", list[i-1].source.beside(file.location), from)
			}
			continue
		}
		switch same, err := sameContent(from, to); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case same:
			continue
		default:
			return fmt.Errorf("%s: is in the way of the weights of that name beside %s: put the weights inside the model (--inline) or choose another folder", to, file.source.info.File)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		err := write(to, func(w io.Writer) error {
			in, err := os.Open(from)
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = io.Copy(w, in)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sameContent tells whether two files hold the same; one that is not there is an error.
func sameContent(one, two string) (bool, error) {
	a, err := os.Open(one)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(two)
	if err != nil {
		return false, err
	}
	defer b.Close()
	statA, err := a.Stat()
	if err != nil {
		return false, err
	}
	statB, err := b.Stat()
	if err != nil {
		return false, err
	}
	if os.SameFile(statA, statB) {
		return true, nil
	}
	if statA.Size() != statB.Size() || !statB.Mode().IsRegular() {
		return false, nil
	}
	bufferA, bufferB := make([]byte, copyBuffer), make([]byte, copyBuffer)
	for {
		n, errA := io.ReadFull(a, bufferA)
		k, errB := io.ReadFull(b, bufferB)
		switch {
		case n != k || !bytes.Equal(bufferA[:n], bufferB[:k]):
			return false, nil
		case errors.Is(errA, io.EOF), errors.Is(errA, io.ErrUnexpectedEOF):
			return true, nil
		case errA != nil:
			return false, errA
		case errB != nil:
			return false, errB
		}
	}
}
