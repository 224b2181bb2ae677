// symbols.hpp: from a register set to frames, and from an address to names and lines; by elfutils.
//
// Problem.   A parked goroutine's stack has to be walked from the outside, in code that the
//            optimiser has left no frame pointer in, and each address named as the user wrote it,
//            inlined functions too.
// Rejected.  backtrace(): walks its caller only. Frame pointers: users compile without. A symbol
//            table of our own: elfutils has all of it.
// Recipe.    libdwfl reports this process's modules; a stack is a copy of memory (peek), which the
//            call frame information of the modules is applied to; names come from the symbol
//            tables, lines and inlined calls from the debug information if there is any.
//
// Not promised: lines without -g; any name in a stripped program. Costs milliseconds to open, so
// one object serves a whole dump. One thread at a time. Does file I/O: on a thread that may block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace retake::observe {

struct place {
  std::string function;  // demangled; "" when nobody knows
  std::string file;      // "" without debug information
  std::uint32_t line = 0;
  std::uintptr_t entry = 0;  // where the function begins; 0: unknown, or inlined
};

// What a walk begins with. fp alone of the other registers is enough for code that does not realign
// its stack.
struct registers {
  std::uintptr_t pc = 0, sp = 0, fp = 0;
  bool pc_is_exact = false;  // else it is a return address: the call stands before it
#if defined(__x86_64__)
  std::uintptr_t rbx = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
#endif
};

// Bytes of a stack, copied while nobody was looking.
struct stack_bytes {
  std::uintptr_t low = 0;
  std::vector<std::byte> bytes;
};

class symbols {
 public:
  symbols();
  ~symbols();
  symbols(symbols const&) = delete;
  symbols& operator=(symbols const&) = delete;

  // Addresses of the frames, innermost first, at most `most`. All but the first (unless exact) are
  // return addresses.
  [[nodiscard]] std::vector<std::uintptr_t> walk(registers const& from, stack_bytes const& stack,
                                                 std::size_t most = 64);

  // The functions at an address, innermost inlined one first; at least one. Looked up once: many
  // goroutines are in the same place.
  [[nodiscard]] std::vector<place> at(std::uintptr_t pc, bool is_return_address);

 private:
  struct state;
  [[nodiscard]] std::vector<place> look_up(std::uintptr_t where);
  std::unique_ptr<state> state_;
};

}  // namespace retake::observe
