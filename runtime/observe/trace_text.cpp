#include "observe/trace_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_map>

namespace retake::observe {

namespace {

constexpr char const* kind_names[] = {"run",    "leave",  "ready",   "enter", "exit",  "wire",
                                      "unwire", "retake", "handoff", "lock",  "unlock"};
constexpr char const* exit_names[] = {"old P", "old P (ABA)", "idle P", "slow", "slow locked"};
constexpr char const* retake_names[] = {"queue", "nobody idle", "10 ms", "lost the CAS"};

constexpr double burst_step_us = 1;

struct timed {
  double at_us;
  std::uint32_t machine;
  trace_ring::event what;
};

// Ticks to microseconds; events of a burst that share one reading of the clock are spread evenly up
// to the next.
void add_timed(std::vector<timed>& all, tracer::recording const& recording, tracer::recorded const& lane) {
  const auto us = [&](std::uint64_t ticks) {
    return static_cast<double>(ticks - recording.began_ticks) * recording.ns_per_tick / 1'000;
  };
  for (std::size_t from = 0; from < lane.events.size();) {
    std::size_t until = from;
    while (until < lane.events.size() && lane.events[until].ticks == lane.events[from].ticks) ++until;
    const double begin = us(lane.events[from].ticks);
    const double longest =
        burst_step_us *
        static_cast<double>(until - from);  // a longer one was no burst to its end: what was long came last
    const double end =
        until < lane.events.size() ? std::min(us(lane.events[until].ticks), begin + longest) : begin + longest;
    for (std::size_t i = from; i < until; ++i)
      all.push_back({begin + (end - begin) * static_cast<double>(i - from) / static_cast<double>(until - from),
                     lane.machine, lane.events[i]});
    from = until;
  }
}

class renderer {
 public:
  renderer() { out_ += "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"; }

  void begin(double end_us) {
    end_us_ = end_us;
    for (auto const& [pid, name] : {std::pair{1, "Ps"}, {2, "Threads"}, {3, "Goroutines"}})
      add("{{\"ph\":\"M\",\"pid\":{},\"name\":\"process_name\",\"args\":{{\"name\":\"{}\"}}}}", pid, name);
  }

  void on(timed const& t) {
    machine& m = machines_[t.machine];
    const std::uint64_t subject = t.what.subject;
    switch (t.what.kind) {
      case trace_kind::run: {
        goroutine& g = goroutines_[subject];
        change(subject, g, state::running, t.at_us);
        m.runs = subject;
        m.run_since = t.at_us;
        m.on_p = t.what.argument;
        if (g.flow != 0) {
          add("{{\"ph\":\"f\",\"bp\":\"e\",\"id\":{},\"cat\":\"wake\",\"name\":\"wake\",\"pid\":2,\"tid\":{},\"ts\":{:."
              "3f}}}",
              g.flow, t.machine, t.at_us);
          g.flow = 0;
        }
        break;
      }
      case trace_kind::leave: {
        goroutine& g = goroutines_[subject];
        const auto left = static_cast<goroutine_state>(t.what.argument >> 8);
        char const* const why = left == goroutine_state::waiting
                                    ? name_of(static_cast<wait_reason>(t.what.argument & 0xff))
                                : left == goroutine_state::syscall ? "slow exit"
                                                                   : "yield or end";
        if (m.runs == subject) {
          add("{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"name\":\"G{}\",\"args\":{{\"M\":{},"
              "\"ends\":\"{}\"}}}}",
              m.on_p, m.run_since, t.at_us - m.run_since, subject, t.machine, why);
          add("{{\"ph\":\"X\",\"pid\":2,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"name\":\"G{}\",\"args\":{{\"P\":{}}}}"
              "}",
              t.machine, m.run_since, t.at_us - m.run_since, subject, m.on_p);
        }
        m.runs = 0;
        change(subject, g, left == goroutine_state::waiting ? state::waiting : state::runnable, t.at_us);
        break;
      }
      case trace_kind::ready: {
        goroutine& g = goroutines_[subject];
        change(subject, g, state::runnable, t.at_us);
        g.flow = ++flows_;
        add("{{\"ph\":\"s\",\"id\":{},\"cat\":\"wake\",\"name\":\"wake\",\"pid\":2,\"tid\":{},\"ts\":{:.3f}}}", g.flow,
            t.machine, t.at_us);
        break;
      }
      case trace_kind::enter: {
        goroutine& g = goroutines_[subject];
        change(subject, g, state::in_call, t.at_us);
        g.call_since = t.at_us;
        break;
      }
      case trace_kind::exit: {
        goroutine& g = goroutines_[subject];
        add("{{\"ph\":\"X\",\"pid\":2,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"name\":\"call of "
            "G{}\",\"args\":{{\"exit\":\"{}\"}}}}",
            t.machine, g.call_since, t.at_us - g.call_since, subject,
            exit_names[std::min<std::size_t>(t.what.argument, 4)]);
        change(subject, g, state::running, t.at_us);
        break;
      }
      case trace_kind::retake:
        instant(t, 1, subject, "retake", retake_names[std::min<std::size_t>(t.what.argument, 3)]);
        break;
      case trace_kind::handoff:
        instant(t, 1, subject, "hand-off", fmt::format("case {}", name_of(static_cast<handoff_case>(t.what.argument))));
        break;
      case trace_kind::unwire:
        if (t.what.argument == 1) count_calls(t.at_us, subject, true);
        break;
      case trace_kind::wire: count_calls(t.at_us, subject, false); break;
      case trace_kind::lock: instant(t, 2, t.machine, "lock", fmt::format("G{}", subject)); break;
      case trace_kind::unlock: instant(t, 2, t.machine, "unlock", fmt::format("G{}", subject)); break;
    }
    if (!m.seen) {
      m.seen = true;
      counter("threads", t.at_us, ++threads_);
    }
  }

  trace_result finish(tracer::recording const& recording, std::vector<timed> const& all) {
    trace_result result;
    for (auto& [id, g] : goroutines_) {
      change(id, g, state::unknown, end_us_);
      result.goroutines.push_back({id, ns(g.spent[1]), ns(g.spent[2]), ns(g.spent[3]), ns(g.spent[4])});
    }
    std::sort(result.goroutines.begin(), result.goroutines.end(),
              [](goroutine_times const& a, goroutine_times const& b) { return a.id < b.id; });
    for (tracer::recorded const& one : recording.machines) {
      result.events += one.events.size();
      result.lost += one.lost;
    }
    out_.erase(out_.size() - 2);
    out_ += fmt::format("\n],\n\"otherData\":{{\"lost\":{}}},\n\"retakeEvents\":[\n", result.lost);
    for (timed const& t : all) {
      fmt::format_to(std::back_inserter(out_), "[{:.3f},{},\"{}\",{},{},{}],\n", t.at_us, t.machine,
                     kind_names[static_cast<std::size_t>(t.what.kind)], t.what.subject, t.what.moves, t.what.argument);
    }
    if (!all.empty()) out_.erase(out_.size() - 2);
    out_ += "\n]}\n";
    result.chrome_json = std::move(out_);
    return result;
  }

 private:
  enum class state : std::uint32_t { unknown, running, in_call, runnable, waiting };
  struct goroutine {
    state now = state::unknown;
    double since = 0, call_since = 0;
    double spent[5] = {};
    std::uint64_t flow = 0;
  };
  struct machine {
    bool seen = false;
    std::uint64_t runs = 0;
    double run_since = 0;
    std::uint32_t on_p = 0;
  };

  static std::chrono::nanoseconds ns(double us) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(us * 1'000));
  }

  template <class... Arguments>
  void add(fmt::format_string<Arguments...> form, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out_), form, std::forward<Arguments>(arguments)...);
    out_ += ",\n";
  }

  void counter(char const* name, double at_us, std::int64_t value) {
    add("{{\"ph\":\"C\",\"pid\":1,\"ts\":{:.3f},\"name\":\"{}\",\"args\":{{\"value\":{}}}}}", at_us, name, value);
  }

  void instant(timed const& t, int process, std::uint64_t lane, char const* name, std::string const& why) {
    add("{{\"ph\":\"i\",\"s\":\"t\",\"pid\":{},\"tid\":{},\"ts\":{:.3f},\"name\":\"{}\",\"args\":{{\"why\":\"{}\","
        "\"M\":{}}}}}",
        process, lane, t.at_us, name, why, t.machine);
  }

  void count_calls(double at_us, std::uint64_t p, bool in_call) {
    bool& was = in_call_[p];
    if (was == in_call) return;
    was = in_call;
    calls_ += in_call ? 1 : -1;
    counter("Ps in calls", at_us, calls_);
  }

  void change(std::uint64_t id, goroutine& g, state to, double at_us) {
    if (g.now == to) return;
    static constexpr char const* names[] = {"", "running", "call", "runnable", "waiting"};
    const auto index = static_cast<std::size_t>(g.now);
    if (g.now != state::unknown) {
      g.spent[index] += std::max(0.0, at_us - g.since);
      add("{{\"ph\":\"X\",\"pid\":3,\"tid\":{},\"ts\":{:.3f},\"dur\":{:.3f},\"name\":\"{}\"}}", id, g.since,
          std::max(0.0, at_us - g.since), names[index]);
    }
    if ((g.now == state::runnable) != (to == state::runnable))
      counter("runnable", at_us, runnable_ += to == state::runnable ? 1 : -1);
    g.now = to;
    g.since = at_us;
  }

  std::string out_;
  double end_us_ = 0;
  std::unordered_map<std::uint64_t, goroutine> goroutines_;
  std::unordered_map<std::uint32_t, machine> machines_;
  std::map<std::uint64_t, bool> in_call_;
  std::int64_t threads_ = 0, runnable_ = 0, calls_ = 0;
  std::uint64_t flows_ = 0;
};

}  // namespace

trace_result render(tracer::recording const& what) {
  std::vector<timed> all;
  for (tracer::recorded const& lane : what.machines) add_timed(all, what, lane);
  std::stable_sort(all.begin(), all.end(), [](timed const& a, timed const& b) { return a.at_us < b.at_us; });
  renderer out;
  out.begin(static_cast<double>(what.ended_ticks - what.began_ticks) * what.ns_per_tick / 1'000);
  for (timed const& one : all) out.on(one);
  return out.finish(what, all);
}

}  // namespace retake::observe
