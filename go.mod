module odeon

go 1.26

require (
	github.com/yalue/onnxruntime_go v1.27.0
	github.com/urfave/cli/v2 v2.27.7
	gonum.org/v1/gonum v0.17.0
	gonum.org/v1/plot v0.17.0
	github.com/stretchr/testify v1.11.1
	github.com/rogpeppe/go-internal v1.14.1
	github.com/schollz/progressbar/v3 v3.18.0
	google.golang.org/protobuf v1.36.11
	golang.org/x/image v0.33.0
	golang.org/x/term v0.37.0
	github.com/kettek/apng v0.0.0-20220823221153-ff692776a607
	github.com/gofrs/flock v0.13.0
	github.com/agnivade/levenshtein v1.2.1
	golang.org/x/sync v0.18.0
)
