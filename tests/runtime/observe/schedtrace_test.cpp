// One strict parser reads the seed's schedtrace and ours: same fields, same order, same words,
// nothing left over.
//
// The seed's lines are of an older Go: "nil" was -1, and there was no needspinning; where its page
// is cut off, a line may end early.
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "../program.hpp"
#include "observe/settings.hpp"
#include "retake/channel.hpp"
#include "retake/debug.hpp"
#include "retake/syscall.hpp"
#include "retake/thread_lock.hpp"

namespace retake::test {
namespace {

// ---- the parser --------------------------------------------------------------------------------

enum class dialect { go_1_22, seed };

class line_reader {
 public:
  line_reader(std::string_view text, dialect d) : rest_(text), dialect_(d) {}

  bool word(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  bool number(std::int64_t& value) {
    std::size_t n = 0;
    while (n < rest_.size() && std::isdigit(static_cast<unsigned char>(rest_[n])) != 0) ++n;
    if (n == 0 || n > 18) return false;
    value = std::stoll(std::string(rest_.substr(0, n)));
    rest_.remove_prefix(n);
    return true;
  }
  bool field(std::string_view name, std::int64_t& value) { return word(name) && word("=") && number(value); }
  // A number that may be below 0: idle locked Ms are paid for before one is started.
  bool signed_field(std::string_view name, std::int64_t& value) {
    if (!word(name) || !word("=")) return false;
    const bool negative = word("-");
    if (!number(value)) return false;
    if (negative) value = -value;
    return true;
  }
  bool zero(std::string_view name) {
    std::int64_t value = -1;
    return field(name, value) && value == 0;
  }
  // A reference to an M, P or G: a number, or nobody.
  bool reference(std::string_view name, std::int64_t& value) {
    value = -1;
    if (!word(name) || !word("=")) return false;
    return word(dialect_ == dialect::seed ? "-1" : "nil") || number(value);
  }
  // Go prints 0 and 1, or false and true, by the field's type.
  bool truth(std::string_view name, bool& value) {
    value = false;
    if (!word(name) || !word("=")) return false;
    if (word("true")) return value = true;
    return word("false");
  }
  bool in_brackets(std::string& text) {
    if (!word("(")) return false;
    int depth = 1;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      depth += rest_[i] == '(' ? 1 : rest_[i] == ')' ? -1 : 0;
      if (depth != 0) continue;
      text = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      return true;
    }
    return false;
  }
  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  dialect dialect_;
};

struct p_line {
  std::int64_t id, status, schedtick, syscalltick, m, runqsize, gfreecnt, timerslen;
};
struct m_line {
  std::int64_t id, p, curg, locks, lockedg;
  bool spinning, blocked;
};
struct g_line {
  std::int64_t id, status, m, lockedm;
  std::string reason;
};

struct report {
  std::int64_t ms = 0, gomaxprocs = 0, idleprocs = 0, threads = 0, spinningthreads = 0, needspinning = 0,
               idlethreads = 0, runqueue = 0;
  bool detailed = false, gcwaiting = false, sysmonwait = false;
  std::int64_t nmidlelocked = 0, stopwait = 0;
  std::vector<std::int64_t> queues;
  std::vector<p_line> ps;
  std::vector<m_line> ms_;
  std::vector<g_line> gs;
};

// False with the line that is wrong in `why`.
class parser {
 public:
  explicit parser(dialect d) : dialect_(d) {}

  std::vector<report> reports;
  std::string why;

  bool parse(std::string const& text) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (!line_of(line)) {
        why = line;
        return false;
      }
    }
    return true;
  }

 private:
  bool line_of(std::string const& line) {
    line_reader r(line, dialect_);
    if (r.word("SCHED ")) return head(r);
    if (reports.empty() || !reports.back().detailed || !r.word("  ")) return false;
    if (r.word("P")) return processor_line(r);
    if (r.word("M")) return machine_line(r);
    return r.word("G") && goroutine_line(r);
  }

  bool head(line_reader& r) {
    report& one = reports.emplace_back();
    if (!r.number(one.ms) || !r.word("ms: ") || !r.field("gomaxprocs", one.gomaxprocs) || !r.word(" ") ||
        !r.field("idleprocs", one.idleprocs))
      return false;
    if (!r.word(" ") || !r.field("threads", one.threads) || !r.word(" ") ||
        !r.field("spinningthreads", one.spinningthreads) || !r.word(" "))
      return false;
    if (dialect_ == dialect::go_1_22 && (!r.field("needspinning", one.needspinning) || !r.word(" "))) return false;
    if (!r.field("idlethreads", one.idlethreads) || !r.word(" ") || !r.field("runqueue", one.runqueue) || !r.word(" "))
      return false;
    if (r.word("[")) {
      for (;;) {
        if (!r.number(one.queues.emplace_back())) return false;
        if (r.word("]")) return r.done() && one.queues.size() == static_cast<std::size_t>(one.gomaxprocs);
        if (!r.word(" ")) return false;
      }
    }
    one.detailed = true;
    if (dialect_ == dialect::seed) {
      // "gcwaiting=0 nmiddlelocke": mistyped and cut off on the page.
      return r.zero("gcwaiting") && r.word(" nmiddlelocke") && r.done();
    }
    return r.truth("gcwaiting", one.gcwaiting) && r.word(" ") && r.signed_field("nmidlelocked", one.nmidlelocked) &&
           r.word(" ") && r.field("stopwait", one.stopwait) && r.word(" ") && r.truth("sysmonwait", one.sysmonwait) &&
           r.done();
  }

  bool processor_line(line_reader& r) {
    p_line& p = reports.back().ps.emplace_back();
    return r.number(p.id) && r.word(": ") && r.field("status", p.status) && r.word(" ") &&
           r.field("schedtick", p.schedtick) && r.word(" ") && r.field("syscalltick", p.syscalltick) && r.word(" ") &&
           r.reference("m", p.m) && r.word(" ") && r.field("runqsize", p.runqsize) && r.word(" ") &&
           r.field("gfreecnt", p.gfreecnt) && r.word(" ") && r.field("timerslen", p.timerslen) && r.done();
  }

  bool machine_line(line_reader& r) {
    m_line& m = reports.back().ms_.emplace_back();
    return r.number(m.id) && r.word(": ") && r.reference("p", m.p) && r.word(" ") && r.reference("curg", m.curg) &&
           r.word(" ") && r.zero("mallocing") && r.word(" ") && r.zero("throwing") && r.word(" preemptoff= ") &&
           r.field("locks", m.locks) && r.word(" ") && r.zero("dying") && r.word(" ") &&
           r.truth("spinning", m.spinning) && r.word(" ") && r.truth("blocked", m.blocked) && r.word(" ") &&
           r.reference("lockedg", m.lockedg) && r.done();
  }

  bool goroutine_line(line_reader& r) {
    g_line& g = reports.back().gs.emplace_back();
    return r.number(g.id) && r.word(": ") && r.field("status", g.status) && r.in_brackets(g.reason) && r.word(" ") &&
           r.reference("m", g.m) && r.word(" ") && r.reference("lockedm", g.lockedm) && r.done();
  }

  dialect dialect_;
};

// The page sets the text in its own way: arrows and newlines where a line was too long, no
// indentation.
constexpr char const* seed_lines =
    "SCHED 0ms: gomaxprocs=2 idleprocs=0 threads=5 spinningthreads=0 idlethreads=0 runqueue=0 gcwaiting=0 "
    "nmiddlelocke\n"
    "  P0: status=1 schedtick=0 syscalltick=0 m=4 runqsize=0 gfreecnt=0 timerslen=0\n"
    "  P1: status=1 schedtick=2 syscalltick=0 m=3 runqsize=0 gfreecnt=0 timerslen=0\n"
    "  M4: p=0 curg=-1 mallocing=0 throwing=0 preemptoff= locks=1 dying=0 spinning=true blocked=false lockedg=-1\n"
    "  M3: p=1 curg=-1 mallocing=0 throwing=0 preemptoff= locks=1 dying=0 spinning=false blocked=false lockedg=-1\n"
    "  M2: p=-1 curg=-1 mallocing=0 throwing=0 preemptoff= locks=2 dying=0 spinning=false blocked=false lockedg=-1\n"
    "  M1: p=-1 curg=17 mallocing=0 throwing=0 preemptoff= locks=0 dying=0 spinning=false blocked=false lockedg=17\n"
    "  M0: p=-1 curg=-1 mallocing=0 throwing=0 preemptoff= locks=1 dying=0 spinning=false blocked=false lockedg=1\n"
    "  G1: status=1(chan receive) m=-1 lockedm=0\n"
    "  G17: status=6() m=1 lockedm=1\n"
    "  G2: status=4(force gc (idle)) m=-1 lockedm=-1\n"
    "  G3: status=4(GC sweep wait) m=-1 lockedm=-1\n";

TEST(schedtrace, the_parser_reads_every_line_of_the_seed) {
  parser p(dialect::seed);
  ASSERT_TRUE(p.parse(seed_lines)) << p.why;
  ASSERT_EQ(p.reports.size(), 1u);
  report const& one = p.reports[0];
  EXPECT_EQ(one.threads, 5);
  ASSERT_EQ(one.ps.size(), 2u);
  EXPECT_EQ(one.ps[1].m, 3);
  ASSERT_EQ(one.ms_.size(), 5u);
  EXPECT_TRUE(one.ms_[0].spinning);
  EXPECT_EQ(one.ms_[3].lockedg, 17);
  ASSERT_EQ(one.gs.size(), 4u);
  EXPECT_EQ(one.gs[2].reason, "force gc (idle)");
}

// What Go 1.22 prints, as its source says (proc.go, schedtrace).
TEST(schedtrace, the_parser_reads_go_1_22) {
  parser p(dialect::go_1_22);
  EXPECT_TRUE(
      p.parse("SCHED 1004ms: gomaxprocs=4 idleprocs=3 threads=6 spinningthreads=0 needspinning=0 idlethreads=3 "
              "runqueue=0 [0 0 1 0]\n"))
      << p.why;
  EXPECT_EQ(p.reports.at(0).queues, (std::vector<std::int64_t>{0, 0, 1, 0}));
}

TEST(schedtrace, the_parser_refuses_what_is_not_exactly_so) {
  for (std::string const wrong :
       {"SCHED 4ms: gomaxprocs=1 idleprocs=0 threads=1 spinningthreads=0 idlethreads=0 runqueue=0 [0]",
        "SCHED 4ms: gomaxprocs=1 idleprocs=0 threads=1 spinningthreads=0 needspinning=0 idlethreads=0 runqueue=0 [0 0]",
        "SCHED 4ms: gomaxprocs=1 idleprocs=0 threads=1 spinningthreads=0 needspinning=0 idlethreads=0 runqueue=0 [0] ",
        "SCHED 4ms: gomaxprocs=1 idleprocs=-1 threads=1 spinningthreads=0 needspinning=0 idlethreads=0 runqueue=0 [0]",
        "  P0: status=1", "G1"}) {
    parser p(dialect::go_1_22);
    EXPECT_FALSE(p.parse(wrong)) << wrong;
  }
}

// ---- ours --------------------------------------------------------------------------------------

struct raised_at_the_end {
  std::atomic<bool>& flag;
  ~raised_at_the_end() { flag = true; }
};

TEST(schedtrace, ours_says_what_is_so) {
  std::atomic<bool> in_call{false}, leave{false};
  run_on(2, [&in_call, &leave] {
    channel<int> c;
    const os_thread_lock hold;
    const raised_at_the_end caller_leaves{leave};  // also when an assertion ends this
    go([&] { static_cast<void>(c.receive()); });
    go([&] {
      retake::syscall([&] {
        in_call = true;
        while (!leave) nap_ns(100'000);
      });
    });
    EXPECT_TRUE(yielding_until([&] {
      return in_call.load() && value(paths().handoff[handoff_case::idle]) +
                                       value(paths().handoff[handoff_case::last_poller]) +
                                       value(paths().handoff[handoff_case::queue]) >
                                   0;
    }));
    const auto receives = [](g_line const& g) { return g.status == 4 && g.reason == "chan receive"; };
    EXPECT_TRUE(yielding_until([&] {
      parser soon(dialect::go_1_22);
      return soon.parse(sched_trace(true)) &&
             std::any_of(soon.reports.at(0).gs.begin(), soon.reports.at(0).gs.end(), receives);
    }));
    sleep_for(1ms);
    parser p(dialect::go_1_22);
    ASSERT_TRUE(p.parse(sched_trace(true))) << p.why;
    report const& one = p.reports.at(0);
    EXPECT_EQ(one.gomaxprocs, 2);
    EXPECT_EQ(one.ps.size(), 2u);
    EXPECT_EQ(one.ms_.size(), static_cast<std::size_t>(one.threads));
    EXPECT_FALSE(one.gcwaiting);
    EXPECT_EQ(one.runqueue, 0);
    EXPECT_EQ(one.idlethreads, std::count_if(one.ms_.begin(), one.ms_.end(),
                                             [](m_line const& each) { return each.blocked && each.lockedg < 0; }));

    const auto g1 = std::find_if(one.gs.begin(), one.gs.end(), [](g_line const& g) { return g.id == 1; });
    ASSERT_NE(g1, one.gs.end());
    EXPECT_EQ(g1->status, 2);
    const auto m = std::find_if(one.ms_.begin(), one.ms_.end(), [&](m_line const& each) { return each.id == g1->m; });
    ASSERT_NE(m, one.ms_.end());
    EXPECT_EQ(m->curg, 1);
    EXPECT_EQ(m->lockedg, 1);
    EXPECT_EQ(g1->lockedm, m->id);
    const auto running =
        std::find_if(one.ps.begin(), one.ps.end(), [&](p_line const& each) { return each.id == m->p; });
    ASSERT_NE(running, one.ps.end());
    EXPECT_EQ(running->status, 1);
    EXPECT_EQ(running->m, m->id);
    EXPECT_TRUE(std::any_of(one.gs.begin(), one.gs.end(), receives));
    EXPECT_TRUE(std::any_of(one.gs.begin(), one.gs.end(), [](g_line const& g) { return g.status == 3; }));

    parser plain(dialect::go_1_22);
    EXPECT_TRUE(plain.parse(sched_trace(false))) << plain.why;
    c.send(1);
  });
}

TEST(schedtrace, is_printed_every_so_often_when_asked_for_even_while_everything_is_idle) {
  ::setenv("RETAKE_DEBUG", "netdns=2,schedtrace=20,scheddetail=1", 1);
  testing::internal::CaptureStderr();
  run_on(2, [] { sleep_for(210ms); });
  const std::string text = testing::internal::GetCapturedStderr();
  ::unsetenv("RETAKE_DEBUG");
  parser p(dialect::go_1_22);
  ASSERT_TRUE(p.parse(text)) << p.why;
  EXPECT_GE(p.reports.size(), 4u);
  for (std::size_t i = 1; i < p.reports.size(); ++i) EXPECT_GE(p.reports[i].ms, p.reports[i - 1].ms + 20);
}

TEST(settings, are_read_one_by_one_and_the_unknown_is_left_alone) {
  const observe::settings s = observe::parse_settings("netdns=2,schedtrace=100,scheddetail=1,,pprof=127.0.0.1:6060,x");
  EXPECT_EQ(s.schedtrace_ms, 100u);
  EXPECT_TRUE(s.scheddetail);
  EXPECT_EQ(s.pprof, "127.0.0.1:6060");
  EXPECT_EQ(observe::parse_settings("schedtrace=1x").schedtrace_ms, 0u);
}

}  // namespace
}  // namespace retake::test
