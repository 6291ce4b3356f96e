# Where the sources of the judge's kernels come from; sourced by ci/judge-kernel, not run. A release whose package this
# machine's own package lists have is installed (ci/setup --judge). Others are fetched from other suites of the same
# mirror, with package lists, keys and a cache of their own: nothing of the system changes. apt checks the signature of
# the suite and the digest of the package.
# Needs `say` and `cache` (the cache folder).

# The suites that have linux-source-RELEASE, the one with the newest version first.
declare -A suites_of=([5.10]="bullseye-security bullseye")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# is_fetched RELEASE: whether it is fetched, not installed.
is_fetched() { [[ -n ${suites_of[$1]:-} ]]; }

# source_of RELEASE: prints where its sources are once they are there.
source_of() {
  if is_fetched "$1"; then echo "$cache/linux-source-$1.tar.xz"; else echo "/usr/src/linux-source-$1.tar.xz"; fi
}

# version_of RELEASE: prints the version of the package; fails if it is not there.
version_of() {
  if is_fetched "$1"; then
    cat "$cache/linux-source-$1.version" 2> /dev/null
  else
    dpkg-query -W -f '${Version}' "linux-source-$1" 2> /dev/null
  fi
}

# mirror_of SUITE: prints the address of the archive that has the suite, as this machine's sources have it; nothing if
# they name no Debian mirror.
mirror_of() {
  local kind='^[a-z]+$'   # as "bookworm", so that no other archive on the mirror is taken for it
  if [[ $1 == *-security ]]; then kind='^[a-z]+-security$'; fi
  # No lists of packages are needed for this.
  apt-get update --print-uris 2> /dev/null | sed -n "s|^'\(.*/debian[^/]*\)/dists/\([^/ ]*\)/InRelease'.*|\1 \2|p" |
    awk -v kind="$kind" '$2 ~ kind { print $1; exit }'
}

# write_apt_files FOLDER MIRROR SUITE: the configuration with which apt knows nothing but that suite, in that folder.
write_apt_files() {
  local signed=''
  if [[ -f $keyring ]]; then signed="[signed-by=$keyring] "; fi
  mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
  echo "deb $signed$2 $3 main" > "$1/sources.list"
  # What the system does after an update is done for its own lists.
  cat > "$1/apt.conf" << END
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "-";
Dir::State "$1";
Dir::State::lists "$1/lists";
Dir::State::status "/dev/null";
Dir::Cache "$1/cache";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "root";
END
}

# fetch_from SUITE RELEASE FOLDER: fetches the package into the folder; the log there says why it cannot.
fetch_from() {
  local mirror
  mirror=$(mirror_of "$1")
  if [[ -z $mirror ]]; then
    echo "E: this machine's package sources name no Debian mirror" > "$3/log"
    return 1
  fi
  write_apt_files "$3/apt" "$mirror" "$1"
  (
    cd "$3"
    apt-get -q -c apt/apt.conf --error-on=any update && apt-get -q -c apt/apt.conf download "linux-source-$2"
  ) > "$3/log" 2>&1
}

# fetch_source RELEASE: fetches its sources unless they are there. Prints the reason and fails if it cannot.
fetch_source() {
  local release=$1 folder=$cache/fetch-$1 suite tarball=linux-source-$1.tar.xz why=''
  if [[ -f $(source_of "$release") ]] && version_of "$release" > /dev/null; then return; fi
  if ! command -v apt-get > /dev/null || ! command -v dpkg-deb > /dev/null; then
    echo "there is no apt-get that could fetch linux-source-$release"
    return 1
  fi
  for suite in ${suites_of[$release]}; do
    rm -rf "$folder"
    mkdir -p "$folder"
    if fetch_from "$suite" "$release" "$folder"; then
      say "fetched linux-source-$release $(dpkg-deb -f "$folder"/*.deb Version) from $suite"
      dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -xO "./usr/src/$tarball" > "$folder/$tarball"
      dpkg-deb -f "$folder"/*.deb Version > "$folder/version"
      mv "$folder/$tarball" "$cache/"
      mv "$folder/version" "$cache/linux-source-$release.version"
      rm -rf "$folder"
      return
    fi
    why+="; $suite: $(grep -m 1 '^[EW]:' "$folder/log" || tail -n 1 "$folder/log")"
  done
  rm -rf "$folder"
  echo "linux-source-$release cannot be fetched (${why#; })"
  return 1
}
