// board.hpp: public bugs of runtimes and libraries as a user would write their core: each in the
// form that was reported and in the form that was repaired.
//
// Each file holds one bug: its mechanism in our own words, no line of the project it is from.
#pragma once

#include "retake/explore.hpp"
#include "retake/model.hpp"

namespace retake::board {

namespace model = retake::model;
using explore::require;

struct bug {
  char const* name;    // as the program's argument
  char const* report;  // where it was reported or repaired
  char const* claim;   // what does not hold in the buggy form
  char const* tag;     // of the finding
  void (*buggy)();
  void (*repaired)();
};

extern bug const parking_lot_count;
extern bug const read_modify_write_as_fence;
extern bug const store_then_load;
extern bug const freeze_before_tail;
extern bug const bit_cleared_outside;
extern bug const one_token;
extern bug const minimum_published_late;

}  // namespace retake::board
