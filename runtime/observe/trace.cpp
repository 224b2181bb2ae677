#include "retake/trace.hpp"

#include "observe/trace_text.hpp"
#include "observe/watcher.hpp"
#include "retake/foreign_call.hpp"

namespace retake {

bool start_trace() {
  scheduler& s = machine_here().home;
  sched::stop_the_world();
  const bool started = observe::watcher_of(s).traces.start(s);
  sched::start_the_world();
  return started;
}

trace_result stop_trace() {
  scheduler& s = machine_here().home;
  sched::stop_the_world();
  const observe::tracer::recording recorded = observe::watcher_of(s).traces.stop(s);
  sched::start_the_world();
  return recorded.ran ? foreign_call([&recorded] { return observe::render(recorded); }) : trace_result{};
}

}  // namespace retake
