// Goal.   The core's claims hold under the Relacy model checker, and the programs with a bug are
//         found there.
// Method. Each claim becomes a suite of models/relacy: the claim holds; a finding is a faulty twin
//         (--must-fail). Options, searches and reports are those of every model.
#include "model_main.hpp"

#include "conformance_core.hpp"

namespace retake::conformance {

namespace {

// GCC warns inside of Relacy about arrays of one thread: a second one stands by.
template <class Claim>
inline constexpr unsigned threads_of = Claim::threads < 2 ? 2 : Claim::threads;

template <class Claim>
struct relacy_suite : model::suite<relacy_suite<Claim>, threads_of<Claim>> {
  static constexpr char const* name = Claim::name;
  static constexpr char const* claim = Claim::name;
  static constexpr char const* must_fail = [] {
    if constexpr (requires { Claim::must_fail; }) {
      return Claim::must_fail;
    } else {
      return static_cast<char const*>(nullptr);
    }
  }();
  static constexpr bool parks = requires { Claim::parks; };

  Claim body;

  void thread(unsigned index) {
    if (index < Claim::threads) body.body(index);
  }
  void after() { body.after(); }
};

template <class... Claim, class... Finding>
int run(int argc, char** argv, claims<Claim...>, claims<Finding...>) {
  return model::model_main<relacy_suite<Claim>..., relacy_suite<Finding>...>(argc, argv, "world_core");
}

}  // namespace

}  // namespace retake::conformance

int main(int argc, char** argv) {
  return retake::conformance::run(argc, argv, retake::conformance::core_claims{}, retake::conformance::core_findings{});
}
