package models

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"odeon/internal/atomicfile"
)

// Copy is a file that is to be copied.
type Copy struct{ From, To string }

// Write copies the file.
func (c Copy) Write() error {
	in, err := os.Open(c.From)
	if err != nil {
		return fmt.Errorf("%s: %w", c.To, err)
	}
	defer in.Close()
	return atomicfile.Write(c.To, func(out io.Writer) error {
		_, err := io.Copy(out, in)
		return err
	})
}

// Beside lists the decoder's files that have to be copied for a network that is to be written, since a decoder is looked for in the
// network's folder. Another file there of one's name is an error. A nil decoder has no files.
func (d *Decoding) Beside(network string) ([]Copy, error) {
	if d == nil {
		return nil, nil
	}
	here, there := filepath.Dir(d.File), filepath.Dir(network)
	files := []Copy{{From: d.File, To: filepath.Join(there, d.ownName())}}
	for _, name := range d.Info.External {
		files = append(files, Copy{From: filepath.Join(here, name), To: filepath.Join(there, name)})
	}
	var copies []Copy
	for _, c := range files {
		if filepath.Clean(network) == c.To {
			return nil, fmt.Errorf("the decoder %s has to lie beside %s as %s, which is that file itself; give it another name", d.File, network, filepath.Base(c.To))
		}
		there, err := os.Stat(c.To)
		if errors.Is(err, fs.ErrNotExist) {
			copies = append(copies, c)
			continue
		}
		here, errHere := os.Stat(c.From)
		if err := errors.Join(err, errHere); err != nil {
			return nil, err
		}
		if !os.SameFile(here, there) && here.Size() != there.Size() {
			return nil, fmt.Errorf("the decoder %s has to lie beside %s, where another file of that name is; write into another folder", c.From, network)
		}
	}
	return copies, nil
}

// ownName is the decoder's name beside a network: its file's, or its folder's where it is called model.onnx as so many are.
func (d *Decoding) ownName() string { return stem(d.File) + filepath.Ext(d.File) }

// NameIn has a card look for the decoder beside the network. A nil decoder changes nothing.
func (d *Decoding) NameIn(card *Card) {
	if d == nil || card.Decoder == nil {
		return
	}
	named := *card.Decoder
	named.Network = d.ownName()
	card.Decoder = &named
}
