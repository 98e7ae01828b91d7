package onnx

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// binaryFacts are what a shared library tells of itself without being loaded: loading runs its code, and a broken or foreign one
// may take the process down with it.
type binaryFacts struct {
	version string   // of ONNX Runtime: "1.27.0", on Windows "1.27"; "" where the file does not say
	exports []string // names of the functions that ONNX Runtime is known by: those that start with Ort
	needs   []string // shared libraries that it asks the loader for
}

// entryPoint is the function that every ONNX Runtime exports.
const entryPoint = "OrtGetApiBase"

// formats are the three kinds of shared libraries, told apart by their first bytes.
var formats = []struct {
	name  string
	magic []string
	goos  func(string) bool
	read  func(io.ReaderAt) (binaryFacts, error)
}{
	{"ELF", []string{"\x7fELF"}, func(goos string) bool { return goos != "darwin" && goos != "windows" }, readELF},
	{"Mach-O", []string{"\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"}, func(goos string) bool { return goos == "darwin" }, readMachO},
	{"PE", []string{"MZ"}, func(goos string) bool { return goos == "windows" }, readPE},
}

// inspect reads the facts of a shared library for this machine. The error says what the file is instead.
func inspect(path string) (binaryFacts, error) {
	file, err := os.Open(path)
	if err != nil {
		return binaryFacts{}, err
	}
	defer file.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(file, head); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return binaryFacts{}, errors.New("the file is empty or nearly so, where a shared library is expected")
		}
		return binaryFacts{}, err
	}
	for _, f := range formats {
		if !slices.ContainsFunc(f.magic, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) }) {
			continue
		}
		if !f.goos(runtime.GOOS) {
			return binaryFacts{}, fmt.Errorf("the file is a library in %s format, which %s does not load", f.name, runtime.GOOS)
		}
		facts, err := f.read(file)
		if err != nil {
			return binaryFacts{}, fmt.Errorf("the file is no usable %s library: %w", f.name, err)
		}
		return facts, nil
	}
	return binaryFacts{}, errors.New("the file is no shared library")
}

// inspectRuntime is inspect for ONNX Runtime itself.
func inspectRuntime(path string) (binaryFacts, error) {
	facts, err := inspect(path)
	if err != nil {
		return facts, err
	}
	if !slices.Contains(facts.exports, entryPoint) {
		return facts, fmt.Errorf("the library is not ONNX Runtime: it has no %s", entryPoint)
	}
	if facts.version == "" {
		facts.version = versionInName(path)
	}
	return facts, nil
}

// The machines that each format numbers, by Go's names of them.
var (
	elfMachines   = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM, "riscv64": elf.EM_RISCV, "ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390}
	machoMachines = map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}
	peMachines    = map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64, "386": pe.IMAGE_FILE_MACHINE_I386}
)

// readELF finds the version in the symbol version that ONNX Runtime's exports carry, VERS_1.27.0.
func readELF(r io.ReaderAt) (binaryFacts, error) {
	file, err := elf.NewFile(r)
	if err != nil {
		return binaryFacts{}, err
	}
	if file.Type != elf.ET_DYN {
		return binaryFacts{}, fmt.Errorf("it is of type %v", file.Type)
	}
	if want, known := elfMachines[runtime.GOARCH]; known && file.Machine != want {
		return binaryFacts{}, fmt.Errorf("it is for %v, this machine is %v", file.Machine, want)
	}
	var facts binaryFacts
	if facts.needs, err = file.ImportedLibraries(); err != nil {
		return binaryFacts{}, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return binaryFacts{}, err
	}
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF || !strings.HasPrefix(s.Name, "Ort") {
			continue
		}
		facts.exports = append(facts.exports, s.Name)
		if version, found := strings.CutPrefix(s.Version, "VERS_"); found {
			facts.version = version
		}
	}
	return facts, nil
}

// readMachO finds the version in the library's own name record (LC_ID_DYLIB): 16 bits, 8 bits and 8 bits.
func readMachO(r io.ReaderAt) (binaryFacts, error) {
	file, err := thinMachO(r)
	if err != nil {
		return binaryFacts{}, err
	}
	if want, known := machoMachines[runtime.GOARCH]; known && file.Cpu != want {
		return binaryFacts{}, fmt.Errorf("it is for %v, this machine is %v", file.Cpu, want)
	}
	if file.Type != macho.TypeDylib {
		return binaryFacts{}, fmt.Errorf("it is of type %v", file.Type)
	}
	var facts binaryFacts
	if facts.needs, err = file.ImportedLibraries(); err != nil {
		return binaryFacts{}, err
	}
	if file.Symtab != nil {
		const defined, external = 0x0e, 0x01 // N_TYPE, N_EXT
		for _, s := range file.Symtab.Syms {
			if name, ours := strings.CutPrefix(s.Name, "_Ort"); ours && s.Type&external != 0 && s.Type&defined != 0 {
				facts.exports = append(facts.exports, "Ort"+name)
			}
		}
	}
	for _, load := range file.Loads {
		const idDylib = 0xd
		raw := load.Raw()
		if len(raw) >= 20 && file.ByteOrder.Uint32(raw) == idDylib {
			v := file.ByteOrder.Uint32(raw[16:])
			facts.version = fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff)
		}
	}
	return facts, nil
}

// thinMachO picks this machine's part of a universal library.
func thinMachO(r io.ReaderAt) (*macho.File, error) {
	fat, err := macho.NewFatFile(r)
	if errors.Is(err, macho.ErrNotFat) {
		return macho.NewFile(r)
	}
	if err != nil {
		return nil, err
	}
	for _, arch := range fat.Arches {
		if arch.Cpu == machoMachines[runtime.GOARCH] {
			return arch.File, nil
		}
	}
	return nil, fmt.Errorf("it has no part for %s", runtime.GOARCH)
}

// readPE finds the version in the fixed part of the version resource (VS_FIXEDFILEINFO), major and minor; Microsoft's builds put
// a date where the patch number would be.
func readPE(r io.ReaderAt) (binaryFacts, error) {
	file, err := pe.NewFile(r)
	if err != nil {
		return binaryFacts{}, err
	}
	if want, known := peMachines[runtime.GOARCH]; known && file.Machine != want {
		return binaryFacts{}, fmt.Errorf("it is for machine %#x, this one is %#x", file.Machine, want)
	}
	if file.Characteristics&pe.IMAGE_FILE_DLL == 0 {
		return binaryFacts{}, errors.New("it is a program, not a DLL")
	}
	var facts binaryFacts
	imports, err := file.ImportedSymbols() // "function:library.dll"; ImportedLibraries is not implemented for PE
	if err != nil {
		return binaryFacts{}, err
	}
	for _, symbol := range imports {
		if _, library, ok := strings.Cut(symbol, ":"); ok && !slices.Contains(facts.needs, library) {
			facts.needs = append(facts.needs, library)
		}
	}
	// The export table's names lie in a read-only section as texts; each export of ONNX Runtime has a telling one.
	for _, section := range file.Sections {
		if section.Name != ".rdata" && section.Name != ".rsrc" {
			continue
		}
		data, err := section.Data()
		if err != nil {
			return binaryFacts{}, err
		}
		if section.Name == ".rdata" {
			for _, name := range exportNames.FindAll(data, 64) {
				facts.exports = append(facts.exports, string(name[1:]))
			}
			continue
		}
		if at := bytes.Index(data, []byte("\xbd\x04\xef\xfe")); at >= 0 && at+12 <= len(data) {
			v := binary.LittleEndian.Uint32(data[at+8:])
			facts.version = fmt.Sprintf("%d.%d", v>>16, v&0xffff)
		}
	}
	return facts, nil
}

var exportNames = regexp.MustCompile(`\x00(OrtGetApiBase|OrtSessionOptionsAppendExecutionProvider\w+)\b`)
