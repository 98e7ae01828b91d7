package atomicfile

import "io"

// Write makes the file of path with what write puts into it. Where write fails, nothing is left of it.
func Write(path string, write func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

// Writable is an error where the file of path cannot be written: it is better known before the work than after.
func Writable(path string) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	f.Abort()
	return nil
}
