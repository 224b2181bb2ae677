// Uncaught exceptions by std::set_terminate. See world/panic.hpp.
#include "world/panic.hpp"

#include <cxxabi.h>

#include <atomic>
#include <charconv>
#include <exception>
#include <string>
#include <typeinfo>

namespace retake::world {

namespace {

constinit std::atomic<panic_report> report{nullptr};
constinit std::terminate_handler before = nullptr;  // set once, with the first report

void tell(panic_report ask) noexcept {
  if (std::current_exception() == nullptr) return ask("terminate called");
  try {
    throw;
  } catch (std::exception const& thrown) { ask(thrown.what()); } catch (std::string const& thrown) {
    ask(thrown.c_str());
  } catch (char const* thrown) { ask(thrown); } catch (int thrown) {
    char digits[12] = {};
    std::to_chars(digits, digits + sizeof(digits) - 1, thrown);
    ask(digits);
  } catch (...) { ask(abi::__cxa_current_exception_type()->name()); }
}

[[noreturn]] void on_terminate() noexcept {
  if (panic_report const ask = report.load(std::memory_order_acquire)) tell(ask);
  before();
  __builtin_trap();  // a handler does not return
}

}  // namespace

void watch_panics(panic_report who) noexcept {
  if (std::get_terminate() != on_terminate) {
    before = std::get_terminate();
    std::set_terminate(on_terminate);
  }
  report.store(who, std::memory_order_release);
}

}  // namespace retake::world
