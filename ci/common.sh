# Shared by the scripts in ci/; sourced, not run. Sets `root` and gives the functions below.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=ci/$(basename "$0")

# fail_usage MESSAGE: says what is wrong and how the script is used (its own header comment), exits 2.
fail_usage() { echo "$me: $1" >&2; print_usage >&2; exit 2; }

# print_usage: the comment that the script opens with.
print_usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

# need_number OPTION VALUE: exits 2 unless VALUE is a positive number.
need_number() { [[ $2 =~ ^[1-9][0-9]*$ ]] || fail_usage "$1 takes a positive number, not '$2'"; }

# configure PRESET: makes build/PRESET unless it is there. A build directory notices new files and changed CMake code by
# itself; a changed preset is applied here.
configure() {
  local stamp=$root/build/$1/.configured-with
  if [[ ! -f $root/build/$1/build.ninja ]] || ! cmp -s "$root/CMakePresets.json" "$stamp"; then
    (cd "$root" && cmake --preset "$1") && cp "$root/CMakePresets.json" "$stamp"
  fi
}

# build PRESET [TARGET...]: configures if need be and builds; one at a time for each build directory.
build() {
  local preset=$1 target=()
  shift
  if (($#)); then target=(--target "$@"); fi
  mkdir -p "$root/build"
  (
    flock 9
    configure "$preset" && cmake --build "$root/build/$preset" "${target[@]}"
  ) 9> "$root/build/.lock-$preset"
}

# build_quietly PRESET [TARGET...]: the same; says something only if it fails.
build_quietly() {
  local log
  mkdir -p "$root/build"
  log=$(mktemp "$root/build/log.XXXXXX")
  if ! build "$@" > "$log" 2>&1; then
    echo "$me: building $* failed" >&2
    grep -v '^\[[0-9]*/[0-9]*\] Building' "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# has_target PRESET TARGET: whether a configured build knows the target.
has_target() { ninja -C "$root/build/$1" -t query "$2" > /dev/null 2>&1; }
