// Odeon samples from diffusion and flow-matching models that were exported to ONNX.
package main

import (
	"os"

	"odeon/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
