#!/usr/bin/env bash
# Builds every fuzz target for a fuzzing fleet, with the compiler, flags and engine that its environment names.
#
# OSS-Fuzz and ClusterFuzzLite run this in their containers (Dockerfile); ci/oss-fuzz/check runs it without. Each
# target fuzz/targets/x_fuzzer.cc becomes $OUT/x_fuzzer, with its seeds (x_fuzzer_seed_corpus.zip), dictionary and
# options where it has some. Nothing else is written but $WORK/cmacheck.
#
# Reads CC CXX CFLAGS CXXFLAGS LDFLAGS LIB_FUZZING_ENGINE SANITIZER FUZZING_ENGINE ARCHITECTURE OUT WORK. SRC is needed
# by a copy of this script alone, which takes $SRC/cmacheck for the repository. CMACHECK_STATIC names flags that link
# the standard library statically where the compiler does not by itself, as a fleet's does.
# Exit: 0 built, 1 a target does not build, 2 the environment lacks a variable.
set -euo pipefail

for name in CC CXX LIB_FUZZING_ENGINE SANITIZER FUZZING_ENGINE ARCHITECTURE OUT WORK; do
  if [[ -z ${!name:-} ]]; then echo "ci/oss-fuzz/build.sh: $name is not set" >&2; exit 2; fi
done
source_folder=$(cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../.." && pwd)
# On the service this script may be a copy in $SRC.
if [[ ! -f $source_folder/fuzz/targets/README.md ]]; then source_folder=${SRC:?}/cmacheck; fi
build=$WORK/cmacheck

# The flags name sanitizer, coverage and optimisation; a build type would add its own. libFuzzer's coverage is reduced
# to what pays here (CMakeLists.txt says why); other engines, and coverage builds, get exactly what they ask for.
lean=OFF
if [[ $FUZZING_ENGINE == libfuzzer && $SANITIZER != coverage && $SANITIZER != introspector ]]; then lean=ON; fi
# libfdt is compiled with the same flags where its sources are, as in the containers; else the package's archive is
# linked.
fdt=""
if [[ -d ${SRC:-}/dtc/libfdt ]]; then fdt=$SRC/dtc/libfdt; fi
# fmt's code is compiled here: the package's library was compiled with another standard library.
cmake -G Ninja -S "$source_folder" -B "$build" \
  -DCMAKE_BUILD_TYPE=None -DCMAKE_EXE_LINKER_FLAGS="${LDFLAGS:-} ${CMACHECK_STATIC:-}" \
  -DCMACHECK_OWN_FMT=ON -DCMACHECK_COMMANDS=OFF -DCMACHECK_TESTS=OFF \
  -DCMACHECK_FDT_SOURCE="$fdt" -DCMACHECK_LIBFUZZER=$lean -DCMACHECK_ENGINE="$LIB_FUZZING_ENGINE"
cmake --build "$build" --target fuzzers

mkdir -p "$OUT"
for target in "$build"/fuzzers/*_fuzzer; do
  name=$(basename "$target")
  cp "$target" "$OUT/"
  for kind in dict options; do
    if [[ -f $source_folder/fuzz/targets/$name.$kind ]]; then cp "$source_folder/fuzz/targets/$name.$kind" "$OUT/"; fi
  done
done
"$source_folder/ci/seeds" --encoder "$build/bin/encode_programs" --zip "$OUT"
