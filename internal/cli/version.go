package cli

import (
	"fmt"
	"io"
	"runtime/debug"

	"odeon/onnx"
)

// Version is Odeon's version.
const Version = "0.1.0"

// printVersion prints Odeon's version, the library's and the commit, without loading the library.
func printVersion(w io.Writer) error {
	commit := "commit unknown (built without version control)"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = "commit " + s.Value
			}
		}
	}
	library := "ONNX Runtime not found (odeon runtime install gets it)"
	if lib, err := onnx.Find(""); err == nil {
		library = fmt.Sprintf("ONNX Runtime %s at %s", lib.Version, lib.Path)
	}
	_, err := fmt.Fprintf(w, "odeon %s\n%s\n%s\n", Version, library, commit)
	return err
}
