#!/usr/bin/env bash
# install_test.sh CMAKE BUILD COMPILER GENERATOR: installs into an empty folder, and builds and runs a program against that folder alone.
set -euo pipefail
cmake=$1 build=$2 compiler=$3 generator=$4
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$cmake" --install "$build" --prefix "$place/prefix" >"$place/log" || { cat "$place/log"; exit 1; }
[ -f "$place/prefix/share/retake/retake-gdb.py" ]
mkdir "$place/user"
cat >"$place/user/CMakeLists.txt" <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(user CXX)
find_package(retake 0.1 REQUIRED)
add_executable(user user.cpp)
target_compile_features(user PRIVATE cxx_std_20)
target_link_libraries(user PRIVATE retake::retake)
TEXT
cat >"$place/user/user.cpp" <<'TEXT'
#include <retake/channel.hpp>
#include <retake/go.hpp>
#include <retake/run.hpp>

#include <cstdio>

int main() {
  retake::run([] { std::puts("a goroutine of an installed retake"); });
}
TEXT
{
  "$cmake" -S "$place/user" -B "$place/user/build" -G "$generator" -DCMAKE_PREFIX_PATH="$place/prefix" -DCMAKE_CXX_COMPILER="$compiler"
  "$cmake" --build "$place/user/build"
} >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
[ "$("$place/user/build/user")" = "a goroutine of an installed retake" ]
