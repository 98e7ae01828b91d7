#!/usr/bin/env bash
# Checks Odeon on a machine with an NVIDIA GPU: gets the libraries, asks which providers are usable, samples embedded models
# on the CPU and on the GPU, and compares the samples. Prints a line for each check and ends with 0 when all pass.
#
#   scripts/check_gpu.sh [MODEL...]        embedded names or files; moons and rings by default
#
# Needs Go, a C compiler, pip, NVIDIA's driver (580 or newer), and 4 GB of disk for the libraries. Everything but them (they
# stay in the user's cache) is written to a temporary folder.
set -u
cd "$(dirname "$0")/.."

tolerance=1e-4 # of the largest number in the samples
models=("$@")
[ ${#models[@]} -gt 0 ] || models=(moons rings)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME COMMAND...: runs the command, shows what it says only when it fails.
check() {
	local name=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		echo "PASS $name"
	else
		echo "FAIL $name"
		sed 's/^/     /' "$work/log"
		failed=1
		return 1
	fi
}

# usable NAME: the provider is listed as usable.
usable() {
	"$work/odeon" providers
	"$work/odeon" providers --json | tr -d ' \n' | grep -qi "{[^}]*\"name\":\"$1\"[^}]*\"usable\":true"
}

# same A B: two CSV files hold the same numbers, up to the tolerance.
same() {
	paste -d, "$1" "$2" | awk -F, -v tolerance="$tolerance" '
		{
			for (i = 1; i <= NF / 2; i++) {
				a = $i; b = $(i + NF / 2)
				if (a !~ /^[-+]?[0-9.]/ || b !~ /^[-+]?[0-9.]/) continue
				size = a < 0 ? -a : a; if (size > scale) scale = size
				gap = a - b; if (gap < 0) gap = -gap; if (gap > largest) largest = gap
				n++
			}
		}
		END {
			printf "%d numbers, largest difference %g of a scale of %g\n", n, largest, scale
			exit !(n > 0 && largest <= tolerance * scale)
		}'
}

sample() { "$work/odeon" sample "$1" --quiet -n 64 --seed 1 "${@:3}" -o "$2"; }

check "build" go build -o "$work/odeon" . || exit 1
check "the driver answers" nvidia-smi
check "odeon runtime install --gpu" "$work/odeon" runtime install --gpu || exit 1
check "odeon providers lists cuda as usable" usable cuda

for model in "${models[@]}"; do
	name=$(basename "$model" .onnx)
	check "$name: samples on the CPU" sample "$model" "$work/$name-cpu.csv" --provider cpu || continue
	check "$name: samples on the GPU" sample "$model" "$work/$name-cuda.csv" --provider cuda || continue
	check "$name: both agree" same "$work/$name-cpu.csv" "$work/$name-cuda.csv"
	check "$name: batches do not matter on the GPU" sample "$model" "$work/$name-batch.csv" --provider cuda --batch 7 &&
		check "$name: batches agree" same "$work/$name-cuda.csv" "$work/$name-batch.csv"
	check "$name: auto takes the GPU" bash -c '"$0" sample "$1" --quiet -n 1 --json -o "$2" | tee /dev/stderr | tr -d " \n" | grep -q "\"provider\":\"cuda\""' \
		"$work/odeon" "$model" "$work/$name-auto.csv"
	# A provider may leave operators to the CPU. That is no failure, but worth knowing.
	if sample "$model" "$work/$name-strict.csv" --provider cuda --provider-option session.disable_cpu_ep_fallback=1 >"$work/log" 2>&1; then
		echo "INFO $name: every operator runs on the GPU"
	else
		echo "INFO $name: some operators run on the CPU ($(tail -n 1 "$work/log"))"
	fi
done

if [ "$failed" = 0 ]; then echo "all checks passed"; else echo "some checks failed"; fi
exit "$failed"
