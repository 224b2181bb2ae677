// bug03_file_storm.cpp: reads that really wait hold a thread each, as many as are begun at once; a
// bound of eight reads as fast with eight, and a ring with none
//
// Seed.      Bug 3, "File I/O Storm Under Burst Load": a service reads a thousand files at once;
//            threads climb, reads take a hundred times as long, and nothing is faster.
// Method.    The files are FIFOs, and a process beside us is their disk: it serves eight at a time,
//            10 ms each. An open and a read of such a file wait as those of a slow disk do. A file
//            is opened, read to its end and closed, by a goroutine of its own, 300 at once.
//            Buggy: in plain system calls. Fixed: the same behind `bounded(8)`. Ring: by
//            retake::file, whose reads wait in an io_uring. Cached: the buggy code on regular files
//            that are in the page cache: such reads end before sysmon looks, so they cost no
//            thread, however many (the seed says otherwise).
// Symptom.   Threads, and how many requests the disk has before it (its queue). How long a read
// takes is counted from its arrival, so that a wait for the bound is part of it: it is printed
//            beside what all 300 take, and is no measure, for no bound makes a disk faster. Both
//            are the same in all variants that wait for the disk.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "hammer.hpp"
#include "retake/bounded.hpp"
#include "retake/context.hpp"
#include "retake/file.hpp"
#include "retake/go.hpp"
#include "retake/run.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "twins.hpp"

namespace {

using namespace retake;
using namespace std::chrono_literals;
using stress::now_ns;
using stress::stage;

constexpr std::uint32_t heads = 8;  // of the disk: what it serves at once
constexpr std::uint32_t few = 8;    // threads beside those that wait and the Ps
constexpr std::int64_t service_ns = 10'000'000, rest_ns = 300'000;
constexpr auto quiet = 200ms;
constexpr std::size_t file_bytes = 4096;
constexpr std::uint32_t quiet_files = 20, storm_files = 300;

using folder = std::vector<std::string>;  // paths of its files

folder make_folder(stage& s, bool fifos) {
  std::string path =
      (std::getenv("TMPDIR") != nullptr ? std::string(std::getenv("TMPDIR")) : "/tmp") + "/retake-bug03-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) s.cannot("a directory beneath TMPDIR");
  s.remove_later(path);
  folder files;
  for (std::uint32_t i = 0; i < quiet_files + storm_files; ++i) {
    files.push_back(fmt::format("{}/{}", path, i));
    if (!fifos)
      std::ofstream(files.back()) << std::string(file_bytes, 'c');
    else if (::mkfifo(files.back().c_str(), 0600) != 0)
      s.cannot("a FIFO beneath TMPDIR");
  }
  return files;
}

// ---- the disk: another process -----------------------------------------------------------------

// Goes over the files as a lift does, takes up to eight that somebody has open for reading, and
// fills them when their time is over. Without `again` each file once.
void serve(folder const& files, bool again) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string content(file_bytes, 'd');
  std::vector<bool> served(files.size(), false);
  for (std::size_t at = 0, left = files.size(); left > 0 || again;) {
    std::vector<int> taken;
    for (std::size_t looked = 0; looked < files.size() && taken.size() < heads;
         ++looked, at = (at + 1) % files.size()) {
      if (served[at] && !again) continue;
      const int fd = ::open(files[at].c_str(), O_WRONLY | O_NONBLOCK);
      if (fd < 0) continue;  // nobody reads it
      taken.push_back(fd);
      left -= served[at] ? 0 : 1;
      served[at] = true;
    }
    stress::nap_ns(taken.empty() ? rest_ns : service_ns);
    for (int const fd : taken) {
      if (::write(fd, content.data(), content.size()) < 0) {}  // its reader has gone
      ::close(fd);
    }
  }
}

// ---- readers -----------------------------------------------------------------------------------

// As os.ReadFile does it. False: not all of it came.
bool read_file(std::string const& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  std::array<char, file_bytes> buffer;
  std::size_t all = 0;
  for (ssize_t n = 0; fd >= 0 && (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
    all += static_cast<std::size_t>(n);
  if (fd >= 0) ::close(fd);
  return all == file_bytes;
}

// The disk's queue as it sees it: reads that were let begin and have not ended.
class queue {
 public:
  explicit queue(stage& s) : stage_(s) {}

  template <class Read>
  bool through(Read read) {
    depth(depth_.fetch_add(1) + 1);
    const bool whole = read();
    depth(depth_.fetch_sub(1) - 1);
    return whole;
  }
  void forget() { peak_ = 0; }
  [[nodiscard]] std::uint32_t peak() const { return peak_; }

 private:
  void depth(std::uint32_t now) {
    stage_.level("queue", now, "reads");
    for (std::uint32_t seen = peak_; seen < now && !peak_.compare_exchange_weak(seen, now);) {}
  }
  stage& stage_;
  std::atomic<std::uint32_t> depth_{0}, peak_{0};
};

bool read_unbounded(queue& disk, std::string const& path) {
  return disk.through([&] { return syscall([&] { return read_file(path); }); });
}

bool read_bounded(bounded& room, queue& disk, std::string const& path) {
  const result<bool> whole =
      room.syscall_blocking(background(), [&] { return disk.through([&] { return read_file(path); }); });
  return whole && *whole;
}

// The open is one that does not wait, so that the read is what waits; and one that has no
// bookkeeping, so that a busy machine, where it takes long, hands no P over.
bool read_in_ring(queue& disk, std::string const& path) {
  return disk.through([&] {
    const int fd = raw_syscall([&] { return ::open(path.c_str(), O_RDWR | O_CLOEXEC); });
    result<file> opened = file_of(fd);
    std::array<std::byte, file_bytes> buffer;
    std::size_t all = 0;
    while (opened && all < file_bytes) {
      const result<std::size_t> n = opened->read(std::span(buffer).subspan(all));
      if (!n || *n == 0) break;
      all += *n;
    }
    return all == file_bytes;
  });
}

template <class Read>
void play(stage& s, folder const& files, Read read) {
  queue disk(s);
  stress::latencies took(s, "read");
  std::atomic<std::uint32_t> broken{0};
  const auto read_all = [&](std::size_t from, std::size_t to) {
    wait_group done;
    for (std::size_t i = from; i < to; ++i) {
      done.add(1);
      go([&, i, arrived_ns = now_ns()] {
        do broken += read(disk, files[i]) ? 0 : 1;
        while (s.holds());
        took.add(now_ns() - arrived_ns);
        done.done();
      });
    }
    done.wait();
  };
  s.phase("steady");
  if (!s.held()) {
    for (std::size_t i = 0; i < quiet_files; ++i) read_all(i, i + 1);
  }
  s.figure("read_quiet_p50", took.percentile_ms(0.5), "ms");
  disk.forget();
  took.clear();
  s.phase("storm");
  const std::int64_t began_ns = now_ns();
  read_all(quiet_files, files.size());
  s.figure("storm_read_in", static_cast<double>(now_ns() - began_ns) * 1e-6, "ms");
  s.phase("after");
  sleep_for(quiet);
  s.phase("");
  s.given("files", storm_files, "files");
  s.figure("files_broken", broken, "files");
  s.figure("read_p50", took.percentile_ms(0.5), "ms");
  s.figure("read_p99", took.percentile_ms(0.99), "ms");
  s.figure("queue_peak", disk.peak(), "reads");
  s.given("heads", heads, "reads");
  s.given("threads_bounded", heads + processors() + few, "threads");
  s.figure("ring_refused", stress::metric_now("retake_ring_trouble_total"), "Ps");
  stress::tell_thread_sites(s, __FILE__);
}

folder files_behind_the_disk(stage& s) {
  folder files = make_folder(s, true);
  s.beside([&] { serve(files, s.held()); });
  return files;
}

void play_buggy(stage& s) {
  const folder files = files_behind_the_disk(s);
  run([&] { play(s, files, read_unbounded); });
}

void play_fixed(stage& s) {
  const folder files = files_behind_the_disk(s);
  run([&] {
    bounded room(heads);
    play(s, files, [&](queue& disk, std::string const& path) { return read_bounded(room, disk, path); });
  });
}

void play_ring(stage& s) {
  const folder files = files_behind_the_disk(s);
  run([&] { play(s, files, read_in_ring); });
}

void play_cached(stage& s) {
  const folder files = make_folder(s, false);
  run([&] { play(s, files, read_unbounded); });
}

}  // namespace

int main(int argc, char** argv) {
  return stress::run_bug(
      {.number = 3,
       .name = "bug03_file_storm",
       .title =
           "300 files read at once from a disk that serves eight: a thread for each that waits, and nothing is faster",
       .variants = {{"buggy", "each file by plain system calls, all at once", play_buggy},
                    {"fixed", "the same, eight at a time", play_fixed},
                    {"ring", "all at once, waiting in io_uring", play_ring},
                    {"cached", "the buggy code on files that memory holds", play_cached}},
       .measures = {{.name = "threads at their peak",
                     .figure = "threads_peak",
                     .baseline = "threads_bounded",
                     .from = 3,
                     .twins = 5},
                    {.name = "the disk's queue at its peak",
                     .figure = "queue_peak",
                     .baseline = "heads",
                     .from = 4,
                     .twins = 5},
                    {.name = "threads at their peak, by the ring",
                     .figure = "threads_peak",
                     .baseline = "threads_bounded",
                     .from = 3,
                     .twins = 5,
                     .fixed = "ring"},
                    {.name = "threads at their peak, cached",
                     .figure = "threads_peak",
                     .baseline = "threads_bounded",
                     .from = 3,
                     .twins = 5,
                     .fixed = "cached"}},
       .looks = {{"RETAKE_DEBUG=pprof=127.0.0.1:6063 ./retake bug 3 --variant buggy --hold 20 &",
                  "the storm without an end"},
                 {"curl -s 'http://127.0.0.1:6063/debug/pprof/goroutine?debug=2' | grep -c '^goroutine.*\\[syscall'",
                  "nearly all of the 300 readers are in system calls", R"(^(2\d\d|300)$)"},
                 {"curl -s 'http://127.0.0.1:6063/debug/pprof/threadcreate?debug=1' | head", "the line of the read",
                  R"(^[1-9]\d\d created, [1-9]\d\d live @.*bug03_file_storm\.cpp:\d)"},
                 {"RETAKE_DEBUG=schedtrace=1000 ./retake bug 3 --variant buggy --hold 5",
                  "hundreds of threads= while Ps are idle", R"( idleprocs=[1-9]\d* threads=[1-9]\d\d )"}},
       .seed = {{"threads_peak", "10, then 150"},
                {"queue_peak", "about 200"},
                {"read_p99", "5,000"},
                {"read_quiet_p50", "50 (p99)"},
                {"heads", "1; SSD 4 to 32"},
                {"files", "1000"},
                {"context_switches", "high"}},
       .explained = {{"runtime/syscall/syscall.cpp", "enter_syscall",
                      "the read leaves its P behind, in state Syscall, and keeps its thread"},
                     {"runtime/sched/sysmon.cpp", "retake", "sysmon finds the P there twice and takes it"},
                     {"runtime/sched/machines.cpp", "handoff",
                      "the P goes to another thread, a new one if none is idle"}},
       .pattern = "1",
       .pictures = {"threads", "queue", "read"},
       .leaves_directories = true},
      argc, argv);
}
