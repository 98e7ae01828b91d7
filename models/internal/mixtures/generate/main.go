// Command generate writes the embedded models that are not trained into a folder: go generate ./models.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"odeon/models/internal/mixtures"
)

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	for _, m := range mixtures.Models() {
		b, err := m.Bytes()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, m.Name+".onnx"), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
