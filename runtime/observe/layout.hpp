// layout.hpp: where the runtime keeps its goroutines and Ms, as a table that debuggers read.
//
// Problem.   A debugger reads a runtime's records by their types, and a released program has no
//            types (-g1, -g0, or stripped of debug information).
// Rejected.  Types of the roots in every build: a user's build decides about its debug information,
//            and `strip --strip-debug` takes it away again. Offsets written into the debugger's
//            script: the script and the library would have to be of one revision.
// Recipe.    One constant, `retake_layout`, of plain integers and characters: the name, offset and
//            size of each field that the script reads, the texts of the states and of the reasons,
//            and where the scheduler's address stands. The script finds it by its symbol, checks
//            magic and version, and reads everything else by it. Nothing in it is written at run
//            time.
//
// Written    layout.cpp, by offsetof.
// Read       retake-gdb.py, in a live process and in a core file. A change of `layout`, or of what
// a name means, raises `version` in both. Checked by runtime.gdb.* (builds without types among
// them), patches o09, o20.
// Not promised: a program that was stripped of its symbols (`strip` without `--strip-debug`). Of
// several runtimes at once the table leads to the last that began.
#pragma once

#include <cstdint>

namespace retake::observe {

struct layout {
  static constexpr std::uint32_t current_version = 1;
  static constexpr std::uint32_t states_count = 5, reasons_count = 14, fields_max = 32;

  struct field {
    char name[40];  // "goroutine.state"; "frame.rbx" of what a switch saves, by the register
    std::uint32_t offset, bytes;
  };

  char magic[16];
  std::uint32_t version;
  std::uint32_t states, reasons, fields;  // the entries of each of the tables
  void const* scheduler;                  // where the scheduler's address stands; null there: no runtime runs
  char state_name[states_count][32];      // by goroutine_state
  char reason_name[reasons_count][32];    // by wait_reason
  field field_of[fields_max];
};

}  // namespace retake::observe

extern "C" [[gnu::visibility("default")]] retake::observe::layout const retake_layout;
