package train

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"odeon/internal/atomicfile"
)

// copyDecoder puts the decoder, where the network has one, into the folder in which the network is written, since that is where a card
// has it looked for. What lies there under its name stays.
func (t *tuned) copyDecoder(folder string) error {
	d := t.from.Decode
	if d == nil {
		return nil
	}
	for _, name := range append([]string{filepath.Base(d.File)}, d.Info.External...) {
		to := filepath.Join(folder, name)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		if err := copyFile(to, filepath.Join(filepath.Dir(d.File), name)); err != nil {
			return fmt.Errorf("decoder: %w", err)
		}
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := atomicfile.Create(to)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Commit()
}
