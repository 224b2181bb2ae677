// rules_text.cpp: names that the runtime may not say (ban), fences that would make happens-before
// (fence), conditions in protocols (conditional), unfinished places (unfinished).
#include <fmt/format.h>

#include <regex>

#include "protocol_scan.hpp"
#include "tidy.hpp"

namespace retake::tidy {

namespace {

// Above the world nobody names the platform: the other worlds could not see it. The switch is below
// the world and has its own.
bool above_the_world(std::string const& name) {
  return name.starts_with("runtime/") && !name.ends_with(".md") && !name.starts_with("runtime/world/os/") &&
         !name.starts_with("runtime/switch/");
}

// The protocols' friend. Two definitions in one program would be one class with two bodies: the os
// world has one, the simulator one, and a program that links neither may have its own.
bool may_define_the_inspector(std::string const& name) {
  return name == "runtime/observe/inspector.hpp" || name == "models/sim/checkers/inspector.hpp" ||
         name == "properties/run_queue_properties.cpp";
}

// Whether a line of a public header is one that its users may name: not in detail, not private.
class visible_part {
 public:
  bool shows(std::string const& line) {
    if (line == "namespace detail {") in_detail_ = true;
    if (line == " private:") is_private_ = true;
    if (line == " public:" || line == "};") is_private_ = false;
    bool const shown = !in_detail_ && !is_private_;
    if (line.starts_with("}  // namespace")) in_detail_ = false;
    return shown;
  }

 private:
  bool in_detail_ = false, is_private_ = false;
};

}  // namespace

void check_text(tree const& t, complaints& out) {
  static std::regex const banned_header(
      R"(^\s*#\s*include\s+<(atomic|mutex|shared_mutex|thread|condition_variable|future|semaphore|latch)"
      R"(|barrier|stop_token|csignal|signal\.h|cerrno|errno\.h|pthread\.h|unistd\.h|time\.h|ctime|liburing\.h)"
      R"(|linux/[^>]*|sys/[^>]*)>)");
  static std::regex const banned_name(
      R"(\bstd::(atomic\w*|mutex|recursive_mutex|shared_mutex|thread|jthread|condition_variable\w*|this_thread)"
      R"(|counting_semaphore|binary_semaphore|future|promise|async)\b)"
      R"(|\berrno\b|\bio_uring_\w+|\bsigaction\b|\bpthread_\w+|\w+_clock::now\b|\bclock_gettime\b)"
      R"(|\bsyscall\s*\(\s*SYS_|\b__atomic_\w+|\b__sync_\w+|\bthread_local\b|\boperator new\b)");
  static std::regex const synchronizing(
      R"(\b(fence_(acquire|release|acq_rel)|atomic_(thread|signal)_fence|__tsan_\w+|fences_synchronize)\b)");
  static std::regex const conditional(R"(^\s*#\s*(if|ifdef|ifndef|elif|else)\b)");
  static std::regex const unfinished(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b|not impl"
      "emented|GTEST_"
      "SKIP\\(\\)(?! *<<)");
  static std::regex const nanoseconds(R"(\b(std::u?int64_t|double) (\w*_ns)\b)");
  for (source const& s : t.files) {
    bool const is_public = s.name.starts_with("runtime/include/");
    visible_part part;
    for (std::size_t i = 0; i < s.lines.size(); ++i) {
      std::string const& line = s.lines[i];
      std::smatch m;
      if (above_the_world(s.name)) {
        std::string const bare = campaign::code_of(line);
        if (is_public && part.shows(line) && std::regex_search(bare, m, nanoseconds)) {
          out.add("nanoseconds", s.name, i + 1,
                  fmt::format("{}: users are given durations and time points", m[2].str()));
        }
        static std::regex const literal(R"re("(?:[^"\\]|\\.)*")re");
        std::string const code =
            bare.find("#include") != std::string::npos ? bare : std::regex_replace(bare, literal, "\"\"");
        if (std::regex_search(code, m, banned_header))
          out.add("ban", s.name, i + 1, fmt::format("<{}>: the runtime names world::", m[1].str()));
        if (std::regex_search(code, m, banned_name))
          out.add("ban", s.name, i + 1, fmt::format("{}: the runtime names world::", m[0].str()));
      }
      // The scenarios of the runtime hold without it; the core ones are programs of their own.
      bool const of_the_runtime = above_the_world(s.name) || (s.name.starts_with("models/scenarios/") &&
                                                              !s.name.starts_with("models/scenarios/core_"));
      if (of_the_runtime && std::regex_search(line, m, synchronizing)) {
        out.add("fence", s.name, i + 1,
                fmt::format("{}: in the runtime happens-before goes through no fence: ThreadSanitizer would not see it",
                            m[0].str()));
      }
      if (s.name.starts_with("runtime/protocol/") && std::regex_search(line, conditional)) {
        out.add("conditional", s.name, i + 1, "a protocol is the same source in every world");
      }
      if (line == "struct inspector {" && !may_define_the_inspector(s.name)) {
        out.add("inspector", s.name, i + 1, "a second definition of the protocols' friend");
      }
      if (std::regex_search(line, m, unfinished)) out.add("unfinished", s.name, i + 1, m[0].str());
    }
  }
}

}  // namespace retake::tidy
