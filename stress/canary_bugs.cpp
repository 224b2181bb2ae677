// canary_bugs.cpp: bugs whose twins do not behave as documented: the frame of the bug programs must
// notice each
//
//     canary_bugs CASE [ARGUMENT...]     the arguments are a bug program's
//
// Checked by canary_bugs_test.sh, which knows what each case must end with.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "hammer.hpp"
#include "twins.hpp"

namespace {

using retake::stress::nap_ns;
using retake::stress::stage;

constexpr std::int64_t phase_ns = 60'000'000;
constexpr std::uint32_t many = 40, few = 2;

void tell(stage& s, double value) {
  s.phase("steady");
  nap_ns(phase_ns);
  s.figure("value", value, "units");
  s.figure("ground", 10, "units");
  s.phase("");
}

void high(stage& s) { tell(s, 100); }
void low(stage& s) { tell(s, 10); }
void nearly(stage& s) { tell(s, 45); }
// Another turn has another seed, the first of them 1.
void high_at_first(stage& s) { tell(s, s.seed() == 1 ? 100 : 10); }
void high_each_other(stage& s) { tell(s, s.seed() % 2 == 1 ? 100 : 10); }
void high_disturbed(stage& s) {
  high(s);
  s.disturbed("an earthquake");
}
void silent(stage& s) { s.phase("steady"); }
void without_ground(stage& s) { s.figure("value", 0, "units"); }
void dies(stage& s) {
  low(s);
  std::abort();
}
void ends_badly(stage&) { std::_Exit(1); }
void hangs(stage& s) {
  low(s);
  nap_ns(60'000'000'000);
}
void lacks(stage& s) { s.cannot("a unicorn"); }
void speaks(stage&) {
  fmt::print(stderr, "fatal error: newosproc\n");
  std::_Exit(2);
}
void leaves(stage& s) {
  char path[] = "/tmp/retake-canary-XXXXXX";
  if (::mkdtemp(path) == nullptr) s.cannot("a directory");
  s.remove_later(path);
  s.note("left", path);
  low(s);
  while (s.holds()) nap_ns(phase_ns);
}
void wait_beside(stage& s) {
  s.beside([] { nap_ns(60'000'000'000); });
  low(s);
}

void keep_threads(stage& s, std::uint32_t n) {
  s.phase("steady");
  std::vector<std::thread> all;
  for (std::uint32_t i = 0; i < n; ++i) all.emplace_back([] { nap_ns(phase_ns); });
  for (std::thread& one : all) one.join();
  s.figure("ground", few, "threads");
  s.phase("");
}
void many_threads(stage& s) { keep_threads(s, many); }
void few_threads(stage& s) { keep_threads(s, few); }

using play = void (*)(stage&);
struct canary {
  std::string_view name;
  play buggy, fixed;
};
constexpr canary all[] = {{"shows", high, low},
                          {"absent", low, low},
                          {"everywhere", high, high},
                          {"inverted", low, high},
                          {"near", high, nearly},
                          {"silent", high, silent},
                          {"mute", silent, low},
                          {"groundless", high, without_ground},
                          {"dies", high, dies},
                          {"bad_end", high, ends_badly},
                          {"hangs", high, hangs},
                          {"lacks", high, lacks},
                          {"refused", high, speaks},
                          {"leaves", high, leaves},
                          {"beside", high, wait_beside},
                          {"last_words", speaks, low},
                          {"once", high, high_at_first},
                          {"noisy", high, high_each_other},
                          {"disturbed", high, high_disturbed},
                          {"threads", many_threads, few_threads},
                          {"no_threads", few_threads, few_threads}};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (canary const& one : all) {
    if (one.name != wanted) continue;
    const bool of_threads = wanted == "threads" || wanted == "no_threads", of_words = wanted == "last_words";
    retake::stress::bug what{.number = 99,
                             .name = "canary",
                             .title = "a canary",
                             .variants = {{"buggy", "one", one.buggy},
                                          {"fixed", "the other", one.fixed},
                                          {"unmeasured", "a third", low}},
                             .measures = {{.name = "value",
                                           .figure = of_threads ? "threads_peak" : "value",
                                           .baseline = "ground",
                                           .from = 5,
                                           .twins = 4}},
                             .looks = {},
                             .pattern = "-",
                             .leaves_directories = true,
                             .seconds_max = 1};
    if (of_words) {
      what.measures = {{.name = "words", .figure = "fatal", .from = 1}};
      what.may_end_with = {{"fatal", "fatal error: newosproc"}};
    }
    argv[1] = argv[0];
    return retake::stress::run_bug(what, argc - 1, argv + 1);
  }
  fmt::print(stderr, "canary_bugs: no such case\n");
  return 2;
}
