// finding_book.hpp: takes findings into the state of a nightly, each once.
//
// Recipe.    The replay is copied to DIR/findings/ID.replay before the state names it; the state is
//            written by the caller; then the child's own copy goes. A kill between any two of these
//            leaves a copy in DIR/work, which take_up() finds when the night goes on; after a torn
//            state it finds those in DIR/findings again.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "nightly_state.hpp"

namespace retake::campaign {

class finding_book {
 public:
  finding_book(std::string folder, std::string root, std::set<std::string> protocol_functions, nightly_state& state);

  // Of one line's finding. `when_new` is called before the child's copy goes, when no night knew
  // it: it writes the state down.
  bool keep(std::string const& technique, std::string const& subject, json const& finding,
            std::function<void(known_finding const&)> const& when_new);

  // The replays of a folder below ours that no line and no state names. Returns what is to be said:
  // a replay that is torn is set aside.
  std::vector<std::string> take_up(std::string const& folder,
                                   std::function<void(known_finding const&)> const& when_new);

 private:
  std::string dir_, root_;
  std::set<std::string> functions_;
  nightly_state& state_;
};

}  // namespace retake::campaign
