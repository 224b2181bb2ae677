#include "troubles.hpp"

#include <fmt/format.h>

#include <new>

#include "durable_file.hpp"

namespace retake::campaign {

int code_of(std::exception const& error) {
  if (dynamic_cast<usage_error const*>(&error) != nullptr) return 2;
  bool const system = dynamic_cast<environment_error const*>(&error) != nullptr ||
                      dynamic_cast<std::system_error const*>(&error) != nullptr ||
                      dynamic_cast<std::bad_alloc const*>(&error) != nullptr;
  return system ? 3 : 4;
}

void cannot_write(std::string const& path, std::error_code const& error) {
  std::string const text = fmt::format("\"{}\" cannot be written: {}", path, error.message());
  if (durable::is_full(error)) throw disk_full(text);
  throw environment_error(text);
}

void cannot_begin_in(std::string const& folder, std::error_code const& error) {
  if (durable::is_full(error)) cannot_write(folder, error);
  throw usage_error(fmt::format("--out \"{}\" cannot be written: {}", folder, error.message()));
}

bool troubles::run(std::function<void()> const& work) try {
  work();
  return true;
} catch (std::exception const& e) {
  (code_of(e) == 4 ? broken_ : lacking_) = true;
  return say_once(std::string("it ends early: ") + e.what());
}

bool troubles::keep(std::function<void()> const& work) try {
  work();
  return true;
} catch (std::exception const& e) {
  lacking_ = true;
  return say_once(e.what());
}

bool troubles::decorate(std::string const& name, std::function<void()> const& work) try {
  work();
  return true;
} catch (std::exception const& e) {
  lacking_ |= dynamic_cast<disk_full const*>(&e) != nullptr;
  return say_once(name + ": " + e.what());
}

bool troubles::say_once(std::string const& text) {
  if (said_.insert(text).second) say_(text);
  return false;
}

}  // namespace retake::campaign
