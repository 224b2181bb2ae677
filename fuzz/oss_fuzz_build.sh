#!/bin/bash -eu
# oss_fuzz_build.sh: OSS-Fuzz's build contract: $CC, $CXX, $CFLAGS, $CXXFLAGS, $LIB_FUZZING_ENGINE; targets, seed corpora and options go to $OUT.
#
# The image needs cmake, ninja-build, zip, libfmt-dev, libcli11-dev, nlohmann-json3-dev, liburing-dev. Debian's libfmt is built with libstdc++, hence so is all here.
# The engine must not be instrumented: coverage flags are taken out of what OSS-Fuzz passes, the subject gets its own (fuzz/CMakeLists.txt).
here=$(cd -- "$(dirname -- "$0")" && pwd)
: "${CC:?}" "${CXX:?}" "${OUT:?}" "${LIB_FUZZING_ENGINE:?}"
work=${WORK:-$(mktemp -d)}/retake-fuzz
without() { # flags words...: the flags without those words
  local flags=" $1 " word
  shift
  for word in "$@"; do flags=${flags// $word / }; done
  printf '%s' "$flags"
}
flags() { without "$1" -stdlib=libc++ -fsanitize=fuzzer-no-link | sed -E 's/,fuzzer-no-link|fuzzer-no-link,//g; s/-fsanitize-coverage=[^ ]*//g'; }

CFLAGS=$(flags "${CFLAGS:-}") CXXFLAGS=$(flags "${CXXFLAGS:-}") cmake -S "$here/.." -B "$work" -G Ninja -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
  -DRETAKE_BUILD_MODELS=OFF -DRETAKE_BUILD_FUZZ=ON -DRETAKE_FUZZING_ENGINE="$LIB_FUZZING_ENGINE"
cmake --build "$work" --target fuzz_schedule
mkdir -p "$OUT"
cp "$work/bin/fuzz_schedule" "$OUT/"
rm -f "$OUT/fuzz_schedule_seed_corpus.zip"
find "$here/corpus/fuzz_schedule" "$here/regressions/fuzz_schedule" -type f ! -name 'README*' -print0 | xargs -0 zip -q -j "$OUT/fuzz_schedule_seed_corpus.zip"
# No comparison is with bytes of the input, so libFuzzer's table of recent ones is noise.
printf '[libfuzzer]\nmax_len = 4096\ntimeout = 20\nuse_cmp = 0\n' >"$OUT/fuzz_schedule.options"
