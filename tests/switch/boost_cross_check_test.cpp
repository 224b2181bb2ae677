// Goal: our switch and Boost.Context's are the same machine. Method: one scenario over both, every
// observable step in one log. Not under sanitizers: bare fcontext is not annotated, and ASan and
// TSan rightly complain about it.
#include <gtest/gtest.h>

#include <boost/context/detail/fcontext.hpp>
#include <cfenv>
#include <cstdint>
#include <memory>
#include <string>

#include "register_probe.hpp"
#include "strand.hpp"

namespace retake::floor {
namespace {

class boost_strand {
 public:
  using transfer = boost::context::detail::transfer_t;
  explicit boost_strand(std::function<void(boost_strand&)> body) : body_(std::move(body)), stack_(new char[bytes]) {
    self_ = boost::context::detail::make_fcontext(stack_.get() + bytes, bytes, &boost_strand::run);
  }
  void resume(context&) { self_ = boost::context::detail::jump_fcontext(self_, this).fctx; }
  void pause() { caller_ = boost::context::detail::jump_fcontext(caller_, nullptr).fctx; }
  bool ended() const { return ended_; }

 private:
  static constexpr std::size_t bytes = 256 * 1024;
  static void run(transfer t) {
    auto& me = *static_cast<boost_strand*>(t.data);
    me.caller_ = t.fctx;
    me.body_(me);
    me.ended_ = true;
    boost::context::detail::jump_fcontext(me.caller_, nullptr);
  }
  std::function<void(boost_strand&)> body_;
  std::unique_ptr<char[]> stack_;
  boost::context::detail::fcontext_t self_ = nullptr;
  boost::context::detail::fcontext_t caller_ = nullptr;
  bool ended_ = false;
};

// Three strands with different depth, rounding modes and register patterns, interleaved by a fixed
// pseudo-random sequence.
template <class Strand>
std::string scenario() {
  thread_context me;
  std::string log;
  const auto descend = [&log](auto& self, Strand& s, int depth, char name) -> int {
    if (depth == 0) {
      const bool kept = registers_survive(
          static_cast<std::uint64_t>(name), [](void* raw) { static_cast<Strand*>(raw)->pause(); }, &s);
      log += kept ? '+' : '-';
      return 1;
    }
    log += name;
    s.pause();
    const int below = self(self, s, depth - 1, name);
    log += std::to_string(std::fegetround() / 0x400);
    s.pause();
    return below + 1;
  };
  const auto body = [&](char name, int depth, int rounding) {
    return [&log, &descend, name, depth, rounding](Strand& s) {
      log += std::to_string(std::fegetround() / 0x400);
      std::fesetround(rounding);
      try {
        log += std::to_string(descend(descend, s, depth, name));
        throw name;
      } catch (char caught) { log += caught; }
      std::fesetround(FE_TONEAREST);
    };
  };
  std::fesetround(FE_UPWARD);
  Strand strands[3] = {Strand(body('a', 2, FE_DOWNWARD)), Strand(body('b', 5, FE_TOWARDZERO)),
                       Strand(body('c', 3, FE_UPWARD))};
  std::fesetround(FE_TONEAREST);
  std::uint32_t random = 12345;
  while (!strands[0].ended() || !strands[1].ended() || !strands[2].ended()) {
    random = random * 1664525u + 1013904223u;
    Strand& next = strands[(random >> 16) % 3];
    if (!next.ended()) next.resume(me);
    log += '/';
  }
  return log + std::to_string(std::fegetround());
}

TEST(switch_context, behaves_as_boost_context_does) {
  const std::string ours = scenario<strand>();
  EXPECT_EQ(ours, scenario<boost_strand>());
  EXPECT_EQ(ours.find('-'), std::string::npos);
  EXPECT_GT(ours.size(), 60u);
}

}  // namespace
}  // namespace retake::floor
