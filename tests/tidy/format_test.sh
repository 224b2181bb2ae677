#!/usr/bin/env bash
# format_test.sh ROOT: every C++ file is as clang-format leaves it; exit code 77 (skipped) where the
# version is another, which breaks lines elsewhere.
set -uo pipefail
cd "$1" || exit 1
version=14  # Debian 12
command -v clang-format >/dev/null || { echo "skipped: clang-format is not installed"; exit 77; }
found=$(clang-format --version | sed -E 's/.*version ([0-9]+).*/\1/')
[ "$found" = $version ] || { echo "skipped: clang-format $found breaks lines in other places than $version"; exit 77; }
rooms=(runtime models fuzz properties stress tests docs)
mapfile -t files < <(find "${rooms[@]}" \( -name '*.hpp' -o -name '*.cpp' \) -not -path '*/build/*')
[ ${#files[@]} -gt 500 ] || { echo "only ${#files[@]} files were found"; exit 1; }
clang-format --dry-run --Werror "${files[@]}" 2>&1 | grep -E '^[^ ]+:[0-9]+:[0-9]+: error' | cut -d: -f1 |
  sort | uniq -c | sed 's/$/: lines that clang-format would break elsewhere; clang-format -i FILE/'
[ "${PIPESTATUS[0]}" = 0 ]
