#include "schedule_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "command_line/told_command.hpp"
#include "sim/choices/bytes.hpp"
#include "sim/choices/random_source.hpp"
#include "sim/replay.hpp"
#include "sim/shrink.hpp"
#include "sim/timeline.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

// More would cost more to clear and to read than an execution takes.
__attribute__((section("__libfuzzer_extra_counters"))) static std::uint8_t reads_from[1024];

namespace retake::fuzz {

namespace {

using nlohmann::ordered_json;
using namespace sim;

constexpr std::uint32_t bit(fault_kind k) { return 1U << static_cast<std::uint32_t>(k); }

// What every scenario has to live with. Scarcity (threads, memory, descriptors) ends in documented
// fatal errors and is for scenarios that expect them. A slow system call outlasts the bound of
// steps where a goroutine yields until it is over: 20 ns a step.
constexpr std::uint32_t wakes = bit(fault_kind::spurious) | bit(fault_kind::futex_order);
constexpr std::uint32_t polls =
    bit(fault_kind::epoll_reorder) | bit(fault_kind::epoll_duplicate) | bit(fault_kind::epoll_stale);
constexpr std::uint32_t calls =
    bit(fault_kind::eintr) | bit(fault_kind::eagain) | bit(fault_kind::short_read) | bit(fault_kind::short_write);
constexpr std::array<std::uint32_t, 4> weathers = {0, wakes, polls | calls, wakes | polls | calls};
constexpr std::size_t worlds = 2 * weathers.size();

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

char const* variable(char const* name) {
  char const* const value = std::getenv(name);
  return value != nullptr && *value != 0 ? value : nullptr;
}

// Not by exit(): libFuzzer would take that for a crash of the target.
[[noreturn]] void refuse(std::string const& line) {
  fmt::print(stderr, "{}\n", line);
  std::fflush(stderr);
  std::_Exit(2);
}

std::uint16_t place_of(char const* name) {
  std::uint32_t h = 2166136261U;
  for (; *name != 0; ++name) h = (h ^ static_cast<unsigned char>(*name)) * 16777619U;
  return static_cast<std::uint16_t>(h ^ (h >> 16));
}

std::string path_of(std::string const& folder, scenario const& s, execution const& x) {
  std::string tag = x.what.tag;
  for (char& c : tag) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return fmt::format("{}/{}-{}-{:016x}.replay", folder, s.name, tag, x.hash);
}

}  // namespace

schedule_target::schedule_target(char const* name, std::span<scenario const* const> scenarios, bool with_faulty,
                                 int argc, char** argv)
    : name_(name), began_(now()), engines_(worlds) {
  char const* const only = variable("RETAKE_FUZZ_SCENARIO");
  std::string names;
  for (scenario const* s : scenarios) {
    if (s->must_fail != nullptr && !with_faulty) continue;
    names += fmt::format(" {}", s->name);
    if (only == nullptr || std::strcmp(only, s->name) == 0) ring_.push_back({place_of(s->name), s});
  }
  if (ring_.empty())
    refuse(fmt::format("RETAKE_FUZZ_SCENARIO `{}`: accepted: one of{}", only == nullptr ? "" : only, names));
  std::sort(ring_.begin(), ring_.end(), [](placed const& a, placed const& b) {
    return a.place != b.place ? a.place < b.place : std::strcmp(a.what->name, b.what->name) < 0;
  });
  constexpr char const* prefix = "-artifact_prefix=";
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], prefix, std::strlen(prefix)) != 0) continue;
    std::filesystem::path const folder = std::filesystem::path(argv[i] + std::strlen(prefix)).parent_path();
    if (!folder.empty()) out_ = folder.string();
  }
  if (char const* const out = variable("RETAKE_FUZZ_OUT")) out_ = out;
  if (char const* const json = variable("RETAKE_FUZZ_JSON")) json_ = json;
  trace_ = variable("RETAKE_FUZZ_TRACE") != nullptr;
  std::string reason;
  if (char const* const text = variable("RETAKE_FUZZ_MUTATE");
      text != nullptr && !mutant::parse(text, mutant_, reason)) {
    refuse(fmt::format("RETAKE_FUZZ_MUTATE `{}`: accepted: {}", text, reason));
  }
  std::error_code error;
  std::filesystem::create_directories(out_, error);
  if (error)
    refuse(
        fmt::format("RETAKE_FUZZ_OUT `{}`: accepted: a folder that exists or can be made ({})", out_, error.message()));
}

schedule_target::~schedule_target() {
  if (!done_) write_line("");
  while (!made_.empty()) {
    engines_[made_.back()].reset();
    made_.pop_back();
  }
}

scenario const& schedule_target::scenario_of(std::uint8_t const* header) const {
  auto const place = static_cast<std::uint16_t>(header[0] | header[1] << 8);
  auto const at =
      std::lower_bound(ring_.begin(), ring_.end(), place, [](placed const& p, std::uint16_t v) { return p.place < v; });
  return *(at == ring_.end() ? ring_.front() : *at).what;
}

// An engine takes the crash signals when it is made, after libFuzzer did: destroyed in reverse,
// they give them back.
engine& schedule_target::engine_of(std::uint8_t world) {
  std::size_t const index = world % worlds;
  if (engines_[index] == nullptr) {
    options o;
    o.memory = (index & 1) != 0 ? memory_mode::sc : memory_mode::c11;
    o.fault_mask = weathers[index >> 1];
    o.mutate = mutant_;
    engines_[index] = std::make_unique<engine>(o);
    engines_[index]->count_pairs(reads_from);
    made_.push_back(index);
  }
  return *engines_[index];
}

void schedule_target::run(std::uint8_t const* data, std::size_t size) {
  std::uint8_t header[header_bytes] = {};
  std::memcpy(header, data, std::min(size, header_bytes));
  scenario const& s = scenario_of(header);
  engine& e = engine_of(header[2]);
  bytes choices(size > header_bytes ? data + header_bytes : nullptr, size > header_bytes ? size - header_bytes : 0);
  choices.begin(executions_);
  execution const& x = e.run(s, choices);
  ++executions_;
  truncated_ += x.truncated;
  if (e.sites().mutant_misfit() != op_kind::none) [[unlikely]] {
    refuse(fmt::format("RETAKE_FUZZ_MUTATE `{}`: this kind does not fit the operation there, which is `{}`",
                       mutant_.text(), name_of(e.sites().mutant_misfit())));
  }
  if (trace_) {
    auto const pairs =
        std::count_if(std::begin(reads_from), std::end(reads_from), [](std::uint8_t n) { return n != 0; });
    fmt::print(stderr, "trace {:016x} {} world {} steps {} pairs {}\n", x.hash, s.name, header[2] % worlds, x.steps,
               pairs);
  }
  if (x.failed) [[unlikely]]
    report(e, s);
}

// Written as it was found before it is shrunk: shrinking runs the failure thousands of times.
std::string schedule_target::save(engine& e, scenario const& s, execution& result) const {
  result = e.last();
  std::vector<choice_record> const found(e.choices().begin(), e.choices().end());
  std::string const first = path_of(out_, s, result);
  std::string reason;
  if (!replay::of(e, s, result.what.tag, found).write(first, reason)) {
    fmt::print(stderr, "{}: {}\n", name_, reason);
    return "";
  }
  shrunk const small = shrink(e, s, result.what.tag, found);
  if (!small.reproduced) return first;
  std::string const path = path_of(out_, s, small.result);
  if (!replay::of(e, s, small.result.what.tag, small.choices).write(path, reason)) return first;
  result = small.result;
  std::error_code ignored;
  if (path != first) std::filesystem::remove(first, ignored);
  return path;
}

void schedule_target::report(engine& e, scenario const& s) {
  execution result;
  std::string const path = save(e, s, result);
  if (replay r; !path.empty()) {
    std::string reason;
    if (replay::read(path, r, reason)) {
      run_again(e, s, r);
      fmt::print(stderr, "\n{}", timeline(e));
    }
  }
  // libFuzzer writes the input down, under a name that it chooses: without a replay that is what
  // shows it again.
  std::string const again = path.empty() ? "no replay could be written; libFuzzer's input shows it again"
                                         : replay_command("", path, mutant_.file.empty() ? "" : mutant_.text());
  fmt::print(stderr,
             "\nfinding   {}\nclaim     {}\nscenario  {}: {}\nsteps     {}   preemptions {}   stale reads {}   faults "
             "{}\n{}\n",
             result.what.tag, result.what.claim, s.name, s.claim, result.steps, result.preemptions, result.stale_reads,
             result.faults, again);
  ordered_json const finding = {{"tag", result.what.tag},
                                {"claim", result.what.claim},
                                {"replay", path.empty() ? ordered_json(nullptr) : ordered_json(path)},
                                {"scenario", s.name},
                                {"steps", result.steps},
                                {"preemptions", result.preemptions},
                                {"stale_reads", result.stale_reads},
                                {"executions_to_first", executions_}};
  write_line(finding.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  done_ = true;
  while (!made_.empty()) {
    engines_[made_.back()].reset();
    made_.pop_back();
  }
  __builtin_trap();  // libFuzzer writes the input down
}

// On standard output when there is a finding, for whoever runs us; in the file always.
void schedule_target::write_line(std::string const& finding) const {
  double const seconds = now() - began_;
  ordered_json line = {{"kind", "fuzz"},
                       {"name", name_},
                       {"executions", executions_},
                       {"seconds", seconds},
                       {"executions_per_second", seconds > 0 ? static_cast<double>(executions_) / seconds : 0.0},
                       {"truncated", truncated_ != 0},
                       {"exhausted", false}};
  if (!mutant_.file.empty()) {
    line["mutant"] = mutant_.text();
    line["mutant_reached"] = std::any_of(engines_.begin(), engines_.end(),
                                         [](auto const& e) { return e != nullptr && e->sites().mutant_reached(); });
  }
  line["finding"] = finding.empty() ? ordered_json(nullptr) : ordered_json::parse(finding);
  std::string const text = line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  if (!finding.empty()) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }
  if (json_.empty()) return;
  if (std::FILE* const file = std::fopen(json_.c_str(), "a")) {
    std::fputs(text.c_str(), file);
    std::fclose(file);
  }
}

std::size_t schedule_target::mutate(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                    std::uint32_t seed) const {
  random_source random;
  random.seed(seed, 0);
  if (size_max <= header_bytes) return LLVMFuzzerMutate(data, size, size_max);
  while (size < header_bytes) data[size++] = static_cast<std::uint8_t>(random.below(256));
  std::uint8_t* const schedule = data + header_bytes;
  auto length = static_cast<std::uint32_t>(size - header_bytes);
  auto const room = static_cast<std::uint32_t>(size_max - header_bytes);
  auto const other = [&] { return static_cast<std::uint8_t>(1 + random.below(random.one_in(4) ? 255 : 4)); };
  // A place that departs from the tame execution, if one is near.
  auto const departure = [&] {
    std::uint32_t const from = random.below(length);
    for (std::uint32_t i = 0; i < length; ++i) {
      if (schedule[(from + i) % length] != 0) return (from + i) % length;
    }
    return from;
  };
  auto const insert = [&](std::uint32_t at, std::uint32_t count, std::uint8_t value) {
    count = std::min(count, room - length);
    std::memmove(schedule + at + count, schedule + at, length - at);
    std::memset(schedule + at, value, count);
    length += count;
  };
  auto const erase = [&](std::uint32_t at, std::uint32_t count) {
    count = std::min(count, length - at);
    std::memmove(schedule + at, schedule + at + count, length - at - count);
    length -= count;
  };
  for (std::uint32_t rounds = 1 + random.below(3); rounds > 0; --rounds) {
    if (length == 0) insert(0, 1 + random.below(16), 0);
    if (length == 0) break;
    switch (random.below(10)) {
      case 0:  // another choice where the execution departs
        schedule[departure()] = random.one_in(2) ? std::uint8_t{0} : other();
        break;
      case 1:  // one preemption more
        schedule[random.below(length)] = other();
        break;
      case 2:  // the next departure later: who runs, runs on for longer
        insert(departure(), 1 + random.below(8), 0);
        break;
      case 3: {  // or earlier
        std::uint32_t const at = departure();
        std::uint32_t const back = std::min(at, 1 + random.below(8));
        erase(at - back, back);
        break;
      }
      case 4:  // a departure further on
        insert(length, 1 + random.below(32), 0);
        schedule[length - 1] = other();
        break;
      case 5: {  // a stretch becomes tame
        std::uint32_t const at = random.below(length);
        std::memset(schedule + at, 0, std::min(length - at, 1 + random.below(32)));
        break;
      }
      case 6: {  // a stretch in which one alternative is always taken
        std::uint32_t const at = random.below(length);
        std::memset(schedule + at, other(), std::min(length - at, 1 + random.below(8)));
        break;
      }
      case 7:  // another world
        data[2] = static_cast<std::uint8_t>(random.below(worlds));
        break;
      case 8:  // rarely another scenario: coverage of one says little about the others
        if (random.one_in(4)) {
          std::uint16_t const place = ring_[random.below(static_cast<std::uint32_t>(ring_.size()))].place;
          data[0] = static_cast<std::uint8_t>(place & 0xff);
          data[1] = static_cast<std::uint8_t>(place >> 8);
        }
        break;
      default: length = static_cast<std::uint32_t>(LLVMFuzzerMutate(schedule, length, room)); break;
    }
  }
  return header_bytes + length;
}

std::size_t schedule_target::cross(std::span<std::uint8_t const> first, std::span<std::uint8_t const> second,
                                   std::span<std::uint8_t> out, std::uint32_t seed) {
  random_source random;
  random.seed(seed, 1);
  std::size_t const cut =
      std::min(first.size(), header_bytes + random.below(static_cast<std::uint32_t>(first.size()) + 1));
  std::size_t n = std::min(cut, out.size());
  std::copy_n(first.begin(), n, out.begin());
  if (cut < second.size()) {
    std::size_t const rest = std::min(second.size() - cut, out.size() - n);
    std::copy_n(second.begin() + static_cast<std::ptrdiff_t>(cut), rest, out.begin() + static_cast<std::ptrdiff_t>(n));
    n += rest;
  }
  return n;
}

}  // namespace retake::fuzz
