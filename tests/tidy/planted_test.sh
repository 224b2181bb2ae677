#!/usr/bin/env bash
# planted_test.sh TIDY: each rule of tidy fires on a small tree that breaks it: a guard that never fires guards nothing.
set -uo pipefail
tidy=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/runtime/{protocol,sched,switch} "$tree"/models/relacy "$tree"/fuzz/campaign "$tree"/tests/tidy
cat >"$tree/runtime/protocol/broken.hpp" <<'CODE'
// broken.hpp: breaks the rules.
// Invariants P77.
#include <atomic>
#include "sched/above.hpp"
#if 1
#endif
inline void f() {
  a.load_acquire();
  world::fence_release();
  x.store_release(1); y.store_relaxed(2);
  // [B1] acquire: no subject.
  z.load_acquire();
  // [BR1] acquire: alone. Pairs with [BR2]. Killed by: model x.
  z.load_acquire();
  // [BR3] acquire: one-sided. Pairs with [BR1]. Killed by: model x.
  z.load_acquire();
  world::require(true, "P9: in no list");
}
CODE
printf '// \x54ODO\nstruct inspector {\n};\n' >"$tree/runtime/sched/above.hpp"
printf '#include <relacy/relacy.hpp>\n#include "sched/above.hpp"\n' >"$tree/models/relacy/x_model.cpp"
mkdir -p "$tree/models/sim/checkers"
printf '    {"P10", check_p10, at_commit},\n' >"$tree/models/sim/checkers/table.hpp"
mkdir -p "$tree"/runtime/include/retake
cat >"$tree/runtime/include/retake/deadly.hpp" <<'CODE'
// For too many, fatal: "is tested (1)", "is not
// tested at all". In Go this is fatal. Fatal, when it is late: "only in a comment".
void f();  // fatal: "only without a death". By a goroutine.
#include "sched/above.hpp"
namespace detail {
void inside() {
}
void beside(std::int64_t hidden_ns);
}  // namespace detail
void g(std::int64_t wait_ns = std::chrono::steady_clock::now());
CODE
cat >"$tree/tests/deaths_test.cpp" <<'CODE'
TEST(some_death, dies) {
  EXPECT_EXIT(f(), testing::ExitedWithCode(2), "is tested "
              "\\(1\\)");  // not: "only in a comment"
}
TEST(some, lives) { EXPECT_EQ(g(), "only without a death"); }
CODE
printf '// %0100d\n' 0 >"$tree/runtime/sched/wide.hpp"
printf '%0101d wide\n| %0101d |\n    %0101d\n' 0 0 0 >"$tree/wide.md"
printf 'x = 1 # %0200d\n' 0 >"$tree/fuzz/kept.py"
echo 'width fuzz/kept.py 1: an exception' >>"$tree/tests/tidy/allowed.txt"
echo 'tag P1.checker: nothing needs this' >>"$tree/tests/tidy/allowed.txt"
mkdir "$tree/file_test_a1b2c3"
mkdir -p "$tree/models/scenarios"
printf 'scenario s{.fences_synchronize = true};\n' >"$tree/models/scenarios/of_the_runtime.cpp"
said=$("$tidy" "$tree")
[ $? = 1 ] || { echo "tidy is content with a broken tree"; exit 1; }
code=0
for rule in 'layering: "sched/above.hpp"' 'layering: only models/relacy' 'orphan:' 'ban: <atomic>' 'fence: fence_release' 'fence: fences_synchronize' 'conditional:' 'unfinished:' 'inspector: a second' '^file_test_a1b2c3:0: top:' 'one_operation:' \
            'order_claim: acquire without' 'order_claim: \[B1\] does not say' 'order_number: \[B1\] does not begin' 'order_number: \[BR1\] stands' \
            'order_pair: \[BR1\] pairs with \[BR2\], which does not exist' 'order_pair: \[BR3\] pairs with \[BR1\], which does not name it' 'tag: P9 is not in the list' 'tag: P9 lacks its checker' 'tag: P10 is not in the list' \
            'tag: models/README.md lists other' 'allowed: nothing needs' 'fatal: no death test expects "is not tested at all"' \
            'fatal: a promise without its text' 'fatal: no death test expects "only in a comment"' 'fatal: no death test expects "only without a death"' 'errno: has calls' \
            'layering: "sched/above.hpp": a public header' 'nanoseconds: wait_ns' 'ban: steady_clock::now' \
            '^runtime/sched/wide.hpp:1: width: 1 lines' '^wide.md:1: width: 1 lines'; do
  grep -q "$rule" <<<"$said" || { echo "does not fire: $rule"; code=1; }
done
! grep -q 'expects "is tested' <<<"$said" || { echo "complains of a promise that is kept"; code=1; }
! grep -q 'kept.py' <<<"$said" || { echo "complains of lines that the list counts"; code=1; }
! grep -q 'hidden_ns' <<<"$said" || { echo "complains of what users cannot name"; code=1; }
[ $code = 0 ] || echo "$said"
{
  printf 'void counted() {\n'
  yes '  f();  // once more' | head -n 69
  printf '}\n\n'
  yes '// a comment' | head -n 229
} >"$tree/models/relacy/long.cpp"
printf '#include "sched/above.hpp"\n' >"$tree/runtime/switch/cycle.hpp"
printf '#include "switch/cycle.hpp"\n' >>"$tree/runtime/sched/above.hpp"
figures=$("$tidy" --figures "$tree")
mine=$(grep ^models/relacy <<<"$figures")
[[ $mine =~ ^models/relacy\ +2\ +303\ +76%\ +1\ +1\ +1$ ]] || { echo "counts otherwise: $mine"; code=1; }
grep -qx '  sched <-> switch' <<<"$figures" || { echo "sees no cycle of rooms"; code=1; }
exit $code
