#!/usr/bin/env bash
# install_test.sh CONSUMER CMAKE BUILD COMPILER GENERATOR: installs into an empty folder, and builds and runs a program against
# that folder alone. Ends with 77 if the machine does not allow what the consumer needs, and says what that is.
set -euo pipefail
consumer=$1 cmake=$2 build=$3 compiler=$4 generator=$5
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$cmake" --install "$build" --prefix "$place/prefix" >"$place/log" || { cat "$place/log"; exit 1; }

built() {  # target [folder]
  {
    "$cmake" -S "$(dirname "$0")/${2:-consumers}" -B "$place/user" -G "$generator" -DCMAKE_PREFIX_PATH="$place/prefix" -DCMAKE_CXX_COMPILER="$compiler"
    "$cmake" --build "$place/user" --target "$1"
  } >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
}

expect() {  # text: a line of the consumer's output
  grep -qxF -e "$1" "$place/out" || { echo "no line \"$1\" in:"; cat "$place/out"; exit 1; }
}

case $consumer in
  find_package_retake_builds_a_program)
    [ -f "$place/prefix/share/retake/retake-gdb.py" ]
    built user
    "$place/user/user" >"$place/out"
    expect "a goroutine of an installed retake"
    ;;
  only_what_a_user_may_name_is_installed)
    cd "$place/prefix/include/retake-runtime"
    public=$(dirname "$0")/../../runtime/include
    diff <(find . -type f | sort) <(cd "$public" && find . -name '*.hpp' -type f | sort) || exit 1
    for header in retake/*.hpp; do
      echo "#include <$header>" >"$place/alone.cpp"
      "$compiler" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I. "$place/alone.cpp" ||
        { echo "$header does not compile alone"; exit 1; }
    done
    ;;
  a_users_code_is_explored)  # a finding is reported, and its own command reproduces it
    built model ../../models/explore/examples
    cd "$place/user"  # its folder for replays is `out`
    ! ./model >"$place/out" || { echo "the missing order is not found"; exit 1; }
    expect "finding   race"
    grep '^RETAKE_EXPLORE_REPLAY=' "$place/out" | head -1 >command
    ! bash ./command >again || { echo "its command does not reproduce it"; exit 1; }
    grep -q 'reproduced' again
    for wrong in "--replay missing" "--fixed-order 1"; do
      code=0
      ./model $wrong >said 2>&1 || code=$?
      [ $code = 2 ] && [ "$(wc -l <said)" = 1 ] || { echo "$wrong: $code"; cat said; exit 1; }
    done
    cd "$place"
    for header in prefix/include/retake-explore/retake/*.hpp prefix/include/retake-explore/retake/model/*.hpp; do
      "$compiler" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -x c++ -Iprefix/include/retake-explore \
        -include "$header" /dev/null ||
        { echo "$header does not compile alone"; exit 1; }
    done
    ;;
  a_users_goroutines_are_explored)
    built goroutines ../../models/explore/examples
    cd "$place/user"
    ! ./goroutines >"$place/out" || { echo "the goroutine that stays is not found"; exit 1; }
    expect "claim     leak: 1 goroutine has not ended a second after the body returned"
    ;;
  a_users_protocol_is_explored)
    built world ../../models/explore/examples
    cd "$place/user"
    ! ./world >"$place/out" || { echo "the missing release is not found"; exit 1; }
    expect "claim     race: read by M0 in take (world.cpp:20) and write by M1 in give (world.cpp:15) are not ordered"
    ;;
  a_shared_library_contains_the_runtime)
    built host
    "$place/user/host" >"$place/out"
    expect "a goroutine of a shared library"
    ! readelf -d "$place/user/libplugin.so" | grep TEXTREL
    ;;
  a_program_is_linked_statically)
    built looks_around
    ! readelf -d "$place/user/looks_around" | grep NEEDED
    (cd "$place" && echo "read at once" >file && ./user/looks_around file >out)
    expect "read at once"
    expect "(anonymous namespace)::waits_for_ever(retake::channel<int>&)"
    ;;
  a_static_program_runs_without_proc)  # in a root with nothing in it but the program and its file
    into=(chroot)
    [ "$(id -u)" = 0 ] || into=(unshare --user --map-root-user chroot)
    "${into[@]}" / true 2>/dev/null || { echo "neither chroot nor a user namespace is allowed here"; exit 77; }
    built looks_around
    mkdir "$place/root"
    cp "$place/user/looks_around" "$place/root"
    echo "read at once" >"$place/root/file"
    "${into[@]}" "$place/root" /looks_around /file >"$place/out"
    expect "read at once"
    expect "(anonymous namespace)::waits_for_ever(retake::channel<int>&)"
    ;;
  headers_refuse_missing_exceptions)
    for header in "$place"/prefix/include/retake-runtime/retake/*.hpp "$(dirname "$0")/consumers/user.cpp"; do
      only=-E  # a header says so at once; a whole program says nothing else
      [ "${header##*/}" != user.cpp ] || only=-fsyntax-only
      if "$compiler" -std=c++20 -fno-exceptions $only -x c++ -I"$place/prefix/include/retake-runtime" "$header" >"$place/log" 2>"$place/out"; then
        echo "${header##*/} compiles with -fno-exceptions"
        exit 1
      fi
      [ "$(grep -c 'error:' "$place/out")" = 1 ] && grep -q 'retake needs C++ exceptions' "$place/out" || { cat "$place/out"; exit 1; }
    done
    ;;
esac
