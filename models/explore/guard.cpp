#include "guard.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "settings.hpp"
#include "sim/engine.hpp"

namespace retake::explore {

namespace {

constexpr std::uint32_t silence_seconds = 10;

struct progress {
  std::uint64_t executions;
  std::uint32_t steps;
  bool operator==(progress const&) const = default;
};

// One check at a time; the handler reads it on the thread that writes it.
struct watch {
  char check[128];
  std::uint64_t executions;
  progress last;
  std::uint32_t silent;
  struct sigaction action_before;
};
watch the_watch;

void look(int) {
  sim::engine const* const e = sim::the_engine;
  if (e == nullptr) return;
  progress const now{the_watch.executions, e->steps_};
  the_watch.silent = now == the_watch.last ? the_watch.silent + 1 : 0;
  the_watch.last = now;
  if (the_watch.silent < silence_seconds) return;
  char line[512];
  int const n =
      std::snprintf(line, sizeof line,
                    "retake explore: %s: the body makes no visible operation for %u s after step %u: it loops "
                    "without one, or calls what really blocks\n",
                    the_watch.check, silence_seconds, now.steps);
  if (n > 0) static_cast<void>(!write(STDERR_FILENO, line, static_cast<std::size_t>(n)));
  _exit(2);
}

void set_timer(long seconds) {
  itimerval const every{{seconds, 0}, {seconds, 0}};
  setitimer(ITIMER_REAL, &every, nullptr);
}

}  // namespace

guard::guard(std::string const& check) {
  the_watch = {};
  std::snprintf(the_watch.check, sizeof the_watch.check, "%s", check.c_str());
  struct sigaction action {};
  action.sa_handler = look;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigaction(SIGALRM, &action, &the_watch.action_before);
  set_timer(1);
}

guard::~guard() {
  set_timer(0);
  sigaction(SIGALRM, &the_watch.action_before, nullptr);
}

void note_execution() noexcept { ++the_watch.executions; }

}  // namespace retake::explore

extern "C" int pthread_create(pthread_t* id, pthread_attr_t const* attributes, void* (*start)(void*), void* argument) {
  using namespace retake;
  if (sim::the_engine != nullptr) {
    explore::refuse(std::string(explore::the_watch.check) +
                    ": the body makes a real thread: its threads are those of retake/model.hpp, or goroutines");
  }
  static auto const real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(id, attributes, start, argument);
}
