// canary_tasks.cpp: exercises whose checks fail in some turns: their frame must refute what always
// fails, believe what holds, and tell noise from both
//
//     canary_tasks CASE [ARGUMENT...]     the arguments are an exercise's
//
// Checked by canary_tasks_test.sh, which knows what each case must end with.
#include <fmt/format.h>

#include <string_view>

#include "worksheet.hpp"

namespace {

using retake::stress::worksheet;

int turn = 0;

void twice(worksheet& out, double seen) {
  out.row("seen", "what is seen", "", seen, "units");
  out.at_least("at least 2", seen, 2);
}

void always(worksheet& out) { twice(out, 1); }
void at_first(worksheet& out) { twice(out, ++turn == 1 ? 1 : 3); }
void mostly(worksheet& out) {
  twice(out, ++turn % 2 == 1 ? 1 : 3);
  out.holds("in the other turns", turn % 2 == 1);
}
void nearly(worksheet& out) { twice(out, 1.9); }
void too_much(worksheet& out) { out.at_most("at most 2", 9, 2); }
void never(worksheet& out) { out.holds("is so", false); }
void nothing(worksheet&) {}

struct named {
  char const* name;
  void (*run)(worksheet& out);
};
constexpr named cases[] = {{"always", always},     {"at_first", at_first}, {"mostly", mostly},  {"nearly", nearly},
                           {"too_much", too_much}, {"never", never},       {"nothing", nothing}};

}  // namespace

int main(int argc, char** argv) {
  for (named const& one : cases) {
    if (argc > 1 && std::string_view(argv[1]) == one.name)
      return retake::stress::run_exercise({99, "canary_tasks", "a canary", "the same", one.run}, argc - 1, argv + 1);
  }
  fmt::print(stderr, "canary_tasks: no such case\n");
  return 2;
}
