#include "observe/symbols.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "world/loaded.hpp"

namespace retake::observe {

namespace {

std::string demangled(char const* name) {
  if (name == nullptr) return {};
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &failed), std::free);
  return failed == 0 ? text.get() : name;
}

constexpr pid_t the_only_thread = 1;  // what libdwfl takes a stack for

struct walking {
  registers from{};
  stack_bytes const* stack = nullptr;
  std::size_t most = 0;
  std::vector<std::uintptr_t> found{};
};

pid_t next_thread(Dwfl*, void* argument, void** thread) {
  if (*thread != nullptr) return 0;
  *thread = argument;
  return the_only_thread;
}

bool get_thread(Dwfl*, pid_t, void* argument, void** thread) {
  *thread = argument;
  return true;
}

bool read_memory(Dwfl*, Dwarf_Addr at, Dwarf_Word* result, void* argument) {
  stack_bytes const& stack = *static_cast<walking*>(argument)->stack;
  if (at < stack.low || at - stack.low + sizeof(std::uint64_t) > stack.bytes.size()) return false;
  std::uint64_t word = 0;
  std::memcpy(&word, stack.bytes.data() + (at - stack.low), sizeof(word));
  *result = word;
  return true;
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
  registers const& from = static_cast<walking*>(argument)->from;
  const auto set = [thread](int number, std::uintptr_t value) {
    const Dwarf_Word word = value;
    return dwfl_thread_state_registers(thread, number, 1, &word);
  };
  // Numbers of the psABIs' DWARF mappings. A return address is moved into its call, where its line
  // and its frame's rules are.
  dwfl_thread_state_register_pc(thread, from.pc_is_exact ? from.pc : from.pc - 1);
#if defined(__x86_64__)
  return set(3, from.rbx) && set(6, from.fp) && set(7, from.sp) && set(12, from.r12) && set(13, from.r13) &&
         set(14, from.r14) && set(15, from.r15);
#else
  return set(29, from.fp) && set(31, from.sp);
#endif
}

int take_frame(Dwfl_Frame* frame, void* argument) {
  walking& walk = *static_cast<walking*>(argument);
  Dwarf_Addr pc = 0;
  bool is_activation = false;
  if (!dwfl_frame_pc(frame, &pc, &is_activation)) return DWARF_CB_ABORT;
  walk.found.push_back(walk.found.empty() ? walk.from.pc : pc);
  return walk.found.size() < walk.most ? DWARF_CB_OK : DWARF_CB_ABORT;
}

constexpr Dwfl_Thread_Callbacks walker{next_thread, get_thread, read_memory, set_registers, nullptr, nullptr};

// The file and line that `call`, an inlined function, was called from.
void call_site(Dwarf_Die* call, Dwarf_Die* unit, place& caller) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  if (dwarf_formudata(dwarf_attr(call, DW_AT_call_line, &attribute), &number) == 0)
    caller.line = static_cast<std::uint32_t>(number);
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &attribute), &number) != 0) return;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count) return;
  if (char const* const name = dwarf_filesrc(files, number, nullptr, nullptr)) caller.file = name;
}

// Clang writes no table of addresses: then every unit is asked.
Dwarf_Die* unit_at(Dwfl_Module* module, Dwarf_Addr where, Dwarf_Addr& bias) {
  if (Dwarf_Die* const unit = dwfl_module_addrdie(module, where, &bias)) return unit;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr;) {
    if (dwarf_haspc(unit, where - bias) == 1) return unit;
  }
  return nullptr;
}

std::string name_of(Dwarf_Die* function) {
  Dwarf_Attribute attribute;
  for (unsigned const kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (char const* const name = dwarf_formstring(dwarf_attr_integrate(function, kind, &attribute)))
      return demangled(name);
  }
  // A local lambda has none: its own name, behind those of what it lies in.
  Dwarf_Die origin = *function;
  for (unsigned const kind : {DW_AT_abstract_origin, DW_AT_abstract_origin, DW_AT_specification}) {
    if (Dwarf_Attribute* const is = dwarf_attr(&origin, kind, &attribute))
      static_cast<void>(dwarf_formref_die(is, &origin));
  }
  Dwarf_Die* around = nullptr;
  const int count = dwarf_getscopes_die(&origin, &around);
  const std::unique_ptr<Dwarf_Die, void (*)(void*)> owned(around, std::free);
  std::string text;
  for (int i = 0; i < count; ++i) {
    const int tag = dwarf_tag(&around[i]);
    char const* const name = dwarf_diename(&around[i]);
    if (tag == DW_TAG_compile_unit || tag == DW_TAG_lexical_block || name == nullptr) continue;
    if (i > 0 && tag == DW_TAG_subprogram) return name_of(&around[i]) + "::" + text;
    text = text.empty() ? name : name + ("::" + text);
  }
  return text;
}

}  // namespace

struct symbols::state {
  [[nodiscard]] std::vector<Dwarf_Die> functions_at(Dwarf_Die const& unit, Dwarf_Addr where);

  Dwfl_Callbacks callbacks{};
  char* debuginfo_path = nullptr;  // libdwfl's default
  walking now;
  Dwfl* dwfl = nullptr;
  std::map<Dwarf_Off, std::vector<Dwarf_Die>> functions;  // of a unit: all that have code
  std::map<std::uintptr_t, std::vector<place>> places;    // of addresses that were asked for
};

namespace {

void collect_functions(Dwarf_Die parent, std::vector<Dwarf_Die>& found) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_subprogram &&
        (dwarf_hasattr(&child, DW_AT_low_pc) != 0 || dwarf_hasattr(&child, DW_AT_ranges) != 0))
      found.push_back(child);
    if (tag == DW_TAG_subprogram || tag == DW_TAG_namespace || tag == DW_TAG_structure_type ||
        tag == DW_TAG_class_type || tag == DW_TAG_union_type || tag == DW_TAG_lexical_block) {
      collect_functions(child, found);
    }
  } while (dwarf_siblingof(&child, &child) == 0);
}

// The child of `parent` that has code at `where`.
bool child_at(Dwarf_Die parent, Dwarf_Addr where, Dwarf_Die& child) {
  if (dwarf_child(&parent, &child) != 0) return false;
  do {
    const int tag = dwarf_tag(&child);
    if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) && dwarf_haspc(&child, where) > 0)
      return true;
  } while (dwarf_siblingof(&child, &child) == 0);
  return false;
}

}  // namespace

// Not dwarf_getscopes(): it does not look into functions without code, where GCC puts the lambdas
// of what was inlined everywhere.
std::vector<Dwarf_Die> symbols::state::functions_at(Dwarf_Die const& unit, Dwarf_Addr where) {
  Dwarf_Die top = unit;
  const auto [at, is_new] = functions.try_emplace(dwarf_dieoffset(&top));
  if (is_new) collect_functions(top, at->second);
  std::vector<Dwarf_Die> chain;
  for (Dwarf_Die& function : at->second) {
    if (dwarf_haspc(&function, where) <= 0) continue;
    chain.push_back(function);
    for (Dwarf_Die inside = function, next; child_at(inside, where, next); inside = next) {
      if (dwarf_tag(&next) == DW_TAG_inlined_subroutine) chain.push_back(next);
    }
    break;
  }
  return chain;
}

namespace {

bool report_modules(Dwfl* dwfl) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen("/proc/self/maps", "re"), std::fclose);
  if (maps != nullptr) return dwfl_linux_proc_maps_report(dwfl, maps.get()) == 0;
  // Without /proc. An image that has no file is left out.
  const auto report = [](char const* file, std::uintptr_t bias, void* to) {
    static_cast<void>(dwfl_report_elf(static_cast<Dwfl*>(to), file, file, -1, bias, true));
  };
  world::each_loaded(report, dwfl);
  return true;
}

}  // namespace

symbols::symbols() : state_(std::make_unique<state>()) {
  Dwfl_Callbacks& how = state_->callbacks;
  how.find_elf = dwfl_linux_proc_find_elf;
  how.find_debuginfo = dwfl_standard_find_debuginfo;
  how.debuginfo_path = &state_->debuginfo_path;
  Dwfl* const dwfl = dwfl_begin(&how);
  if (dwfl == nullptr) return;
  dwfl_report_begin(dwfl);
  if (!report_modules(dwfl) || dwfl_report_end(dwfl, nullptr, nullptr) != 0 ||
      !dwfl_attach_state(dwfl, nullptr, the_only_thread, &walker, &state_->now)) {
    dwfl_end(dwfl);
    return;
  }
  state_->dwfl = dwfl;
}

symbols::~symbols() {
  if (state_->dwfl != nullptr) dwfl_end(state_->dwfl);
}

std::vector<std::uintptr_t> symbols::walk(registers const& from, stack_bytes const& stack, std::size_t most) {
  if (state_->dwfl == nullptr || from.pc == 0) return {};
  state_->now = {from, &stack, most, {}};
  static_cast<void>(dwfl_getthread_frames(state_->dwfl, the_only_thread, take_frame,
                                          &state_->now));  // however it ends: what was found is found
  if (state_->now.found.empty()) return {from.pc};
  return std::move(state_->now.found);
}

std::vector<place> symbols::at(std::uintptr_t pc, bool is_return_address) {
  const std::uintptr_t where = is_return_address ? pc - 1 : pc;
  const auto [known, is_new] = state_->places.try_emplace(where);
  if (is_new) known->second = look_up(where);
  return known->second;
}

std::vector<place> symbols::look_up(std::uintptr_t where) {
  std::vector<place> found;
  Dwfl_Module* const module = state_->dwfl != nullptr ? dwfl_addrmodule(state_->dwfl, where) : nullptr;
  if (module == nullptr) return {place{}};

  place outer;
  Dwarf_Addr bias = 0;
  Dwarf_Die* const unit = unit_at(module, where, bias);
  if (Dwarf_Line* const line = unit != nullptr ? dwarf_getsrc_die(unit, where - bias) : nullptr) {
    int number = 0;
    if (char const* const file = dwarf_linesrc(line, nullptr, nullptr)) outer.file = file;
    if (dwarf_lineno(line, &number) == 0) outer.line = static_cast<std::uint32_t>(number);
  }
  if (unit != nullptr) {
    std::vector<Dwarf_Die> chain =
        state_->functions_at(*unit, where - bias);  // the function, and in it what is inlined, outside first
    for (std::size_t i = chain.size(); i-- > 0;) {
      outer.function = name_of(&chain[i]);
      if (i == 0) break;
      found.push_back(outer);
      outer = {};
      call_site(&chain[i], unit, outer);
    }
  }
  GElf_Off offset = 0;
  GElf_Sym symbol;
  char const* const name = dwfl_module_addrinfo(module, where, &offset, &symbol, nullptr, nullptr, nullptr);
  if (name != nullptr) {
    outer.function = demangled(name);
    outer.entry = where - offset;
  }
  found.push_back(outer);
  return found;
}

}  // namespace retake::observe
