#!/bin/sh
# release_test.sh SOURCE FOLDER: diagnose without an endpoint, of programs as the launcher builds
# them: the preset release has no types (-g1). Builds in FOLDER, where it stays. Patterns that gdb
# can see: 1, 4, 7, 10. And of core files.
source=$1 folder=$2
[ -e "$folder/build.ninja" ] || cmake -S "$source" --preset release -B "$folder" >"$folder.log" 2>&1 || { cat "$folder.log"; exit 1; }
said=$(cmake --build "$folder" --target bug01_unbounded_foreign_calls bug04_lookups_by_libc bug11_limit_of_threads bug12_locks_in_a_library 2>&1) || { echo "$said"; exit 1; }
grep -q 'CMAKE_CXX_FLAGS_RELEASE.*-g1' "$source/CMakeLists.txt" || { echo "the preset release has types now: this test says nothing"; exit 1; }
"$source/stress/diagnose/core_test.py" "$folder/bin/bug01_unbounded_foreign_calls" || [ $? = 77 ] || exit 1
exec "$source/stress/diagnose/diagnose_test.py" "$folder/bin" --by-gdb 1 4 11 12
