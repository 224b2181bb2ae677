// The operations of bench_runtime.cpp that Boost.Fiber has too: METRIC SECONDS prints CPU ns per
// operation of a run of about SECONDS, on one thread.
#include <sys/resource.h>

#include <boost/fiber/all.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace {

namespace fibers = boost::fibers;

double cpu_ns() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ns = [](timeval const& t) {
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_usec) * 1e3;
  };
  return ns(used.ru_utime) + ns(used.ru_stime);
}

void create_join(std::uint64_t n) {
  fibers::pooled_fixedsize_stack stacks(64 * 1024);
  for (std::uint64_t i = 0; i < n; ++i) fibers::fiber(std::allocator_arg, stacks, [] {}).join();
}

void yields(std::uint64_t n) {
  const auto half = [n] {
    for (std::uint64_t i = 0; i < n / 2; ++i) boost::this_fiber::yield();
  };
  fibers::fiber a(half), b(half);
  a.join();
  b.join();
}

void ping_pong(std::uint64_t n) {
  fibers::unbuffered_channel<std::uint64_t> there, back;
  fibers::fiber other([&] {
    for (std::uint64_t value = 0; there.pop(value) == fibers::channel_op_status::success;) back.push(value);
  });
  for (std::uint64_t i = 0, value = 0; i < n; ++i) {
    there.push(i);
    back.pop(value);
  }
  there.close();
  other.join();
}

void mutex_pair(std::uint64_t n) {
  fibers::mutex m;
  for (std::uint64_t i = 0; i < n; ++i) {
    m.lock();
    m.unlock();
  }
}

struct operation {
  char const* name;
  void (*body)(std::uint64_t n);
};
constexpr operation operations[] = {{"create_join", create_join},
                                    {"yield", yields},
                                    {"ping_pong_1p", ping_pong},
                                    {"mutex", mutex_pair}};

}  // namespace

int main(int argc, char** argv) {
  for (operation const& one : operations) {
    if (argc != 3 || std::strcmp(argv[1], one.name) != 0) continue;
    const double seconds = std::strtod(argv[2], nullptr);
    for (std::uint64_t n = 1'000;;) {
      const double begin = cpu_ns();
      one.body(n);
      const double took = cpu_ns() - begin;
      if (took >= seconds * 0.5e9) {
        std::printf("%f\n", took / static_cast<double>(n));
        return 0;
      }
      const double factor = took > 0 ? seconds * 0.8e9 / took : 20;
      n = static_cast<std::uint64_t>(static_cast<double>(n) * (factor < 1.5 ? 1.5 : factor > 20 ? 20 : factor));
    }
  }
  std::fprintf(stderr, "usage: METRIC SECONDS\n");
  return 2;
}
