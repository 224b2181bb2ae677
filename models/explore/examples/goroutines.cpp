// A user's own program of goroutines, built against an installed retake alone: who asked has gone
// when the answer comes, and who answers waits for ever.
#include <retake/channel.hpp>
#include <retake/explore_goroutines.hpp>
#include <retake/go.hpp>
#include <retake/select.hpp>

#include <chrono>
#include <memory>

namespace {

using namespace std::chrono_literals;

void ask_with_a_time_out() {
  auto const answers = std::make_shared<retake::channel<int>>();  // the bug: room for none; (1) lets it go
  retake::go([answers] {
    retake::sleep_for(1ms);
    answers->send(1);
  });
  retake::select(retake::on_receive(*answers, [](auto) {}), retake::after(1ms, [] {}));
}

}  // namespace

int main(int argc, char** argv) {
  retake::explore::take_arguments(argc, argv);
  retake::explore::options chosen;
  chosen.claim = "who answers goes on";
  return retake::explore::finish(retake::explore::check_goroutines(ask_with_a_time_out, chosen));
}
