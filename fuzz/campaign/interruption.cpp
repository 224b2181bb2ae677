#include "interruption.hpp"

#include <signal.h>

#include <initializer_list>

namespace retake::campaign {

namespace {
volatile sig_atomic_t asked_to_end = 0;
}

void watch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { asked_to_end = 1; };
  for (int const one : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(one, &action, nullptr);
}

bool interrupted() { return asked_to_end != 0; }

}  // namespace retake::campaign
