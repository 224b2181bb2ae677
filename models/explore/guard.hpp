// guard.hpp: bodies that leave the simulated world: one line on standard error, exit code 2.
//
// Recipe.    A body that makes no visible operation for silence_seconds blocks in a call that
//            really blocks, or loops without one: a timer's signal compares the steps. A thread
//            that a body makes is refused where it is made: this library's pthread_create stands
//            before the C library's.
// Not promised: a program that is linked with -static; threads that were made before the check and
// touch what it made.
#pragma once

#include <string>

namespace retake::explore {

// While a check runs.
class guard {
 public:
  explicit guard(std::string const& check);
  ~guard();
  guard(guard const&) = delete;
  guard& operator=(guard const&) = delete;
};

// An execution begins.
void note_execution() noexcept;

}  // namespace retake::explore
