package onnx

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// signatures are the first bytes by which files tell what they are; offset 4 for flatbuffers.
var signatures = []struct {
	offset int
	bytes  string
	what   string
}{
	{0, "\x89PNG\r\n", "a PNG picture"},
	{0, "\xff\xd8\xff", "a JPEG picture"},
	{0, "GIF8", "a GIF picture"},
	{0, "PK\x03\x04", "a zip archive (.npz, or PyTorch's .pt and .pth: export the network to ONNX first)"},
	{0, "\x1f\x8b", "gzip-compressed data; unpack it first"},
	{0, "\xfd7zXZ", "xz-compressed data; unpack it first"},
	{0, "\x28\xb5\x2f\xfd", "zstd-compressed data; unpack it first"},
	{0, "\x93NUMPY", "a NumPy array (.npy)"},
	{0, "\x89HDF\r\n", "an HDF5 file (Keras, .h5)"},
	{0, "GGUF", "a GGUF model"},
	{0, "\x7fELF", "a program or library"},
	{0, "%PDF", "a PDF document"},
	{0, "\x80\x02", "a Python pickle (PyTorch's older .pt and .pth: export the network to ONNX first)"},
	{0, "\x80\x04", "a Python pickle"},
	{0, "\x80\x05", "a Python pickle"},
	{4, "ORTM", "a model in ONNX Runtime's own .ort format; Odeon reads the .onnx file it was made from"},
	{4, "TFL3", "a TensorFlow Lite model"},
	{8, "{\"", "a safetensors file, which holds weights without a network: export the network to ONNX first"},
	{0, "version https://git-lfs", "a git-LFS pointer; `git lfs pull` fetches the model it stands for"},
	{0, "<!DOCTYPE", "a web page, saved in place of the model"},
	{0, "<!doctype", "a web page, saved in place of the model"},
	{0, "<html", "a web page, saved in place of the model"},
}

// looksLike says what a file that could not be read as a model seems to be, by its first bytes; "" if that is not clear.
func looksLike(head []byte) string {
	for _, s := range signatures {
		if len(head) >= s.offset && bytes.HasPrefix(head[s.offset:], []byte(s.bytes)) {
			return s.what
		}
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return "nothing but zeros, an unfinished download perhaps"
	}
	if !isText(head) {
		return ""
	}
	if bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) {
		return "JSON text"
	}
	return "a text"
}

func isText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head) // the last letter may be cut
		}
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
		head = head[n:]
	}
	return true
}
