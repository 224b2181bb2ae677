#!/bin/sh
# Goal.   One linked image holds exactly one world: one links, two do not, none does not.
# Method. Units that do nothing but include a world header, linked with the archives given: a stand-in for a second world always, the
#         sim's own archive when it exists. Every refusal is checked for its reason.
# Usage:  one_world_test.sh <c++ compiler> <source root> <os archives...> [-- <sim archives...>]
set -eu
compiler=$1; root=$2; shift 2
os_archives=; sim_archives=; into_sim=0
for word in "$@"; do
  if [ "$word" = -- ]; then into_sim=1
  elif [ $into_sim = 1 ]; then sim_archives="$sim_archives $word"
  else os_archives="$os_archives $word"; fi
done
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work"

echo '#include "world/site.hpp"
int main() {}' > unit_os.cpp
echo '__asm__(".globl retake_world_stand_in");' > unit_stand_in.cpp
echo 'extern "C" { extern char const retake_world_stand_in; extern char const retake_the_one_world;
char const retake_world_stand_in = 0; char const retake_the_one_world = 0; }' > stand_in.cpp
$compiler -std=c++20 -I"$root/runtime/world/os" -I"$root/runtime" -c unit_os.cpp
$compiler -std=c++20 -c unit_stand_in.cpp stand_in.cpp
ar rc libstand_in.a stand_in.o

fail() { echo "FAILED: $1"; cat log; exit 1; }
refused() {  # claim, pattern, link arguments
  claim=$1; pattern=$2; shift 2
  if $compiler "$@" -o image > log 2>&1; then fail "$claim: it linked"; fi
  grep -q "$pattern" log || fail "$claim: refused for another reason"
  echo "ok: $claim"
}

$compiler unit_os.o $os_archives -pthread -o image > log 2>&1 || fail "one world links"
echo "ok: one world links"
refused "without a world nothing links" "undefined reference to .retake_world_os" unit_os.o
refused "two worlds do not link" "multiple definition of .retake_the_one_world" unit_os.o unit_stand_in.o $os_archives libstand_in.a -pthread
refused "nor in the other order" "multiple definition of .retake_the_one_world" unit_stand_in.o unit_os.o libstand_in.a $os_archives -pthread
if [ -n "$sim_archives" ]; then
  echo '#include "world/site.hpp"
void unit_sim() {}' > unit_sim.cpp
  $compiler -std=c++20 -I"$root/models/sim" -I"$root/models" -I"$root/runtime" -c unit_sim.cpp
  refused "os and sim do not link" "multiple definition of .retake_the_one_world" unit_os.o unit_sim.o $os_archives $sim_archives -pthread
fi
