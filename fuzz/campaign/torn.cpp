#include "torn.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "durable_file.hpp"
#include "record.hpp"

namespace retake::campaign {

replay_condition look_at_replay(std::string const& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return replay_condition::missing;
  std::string const text = read_file(path);
  bool const begins = text.starts_with("retake-replay ") || text.starts_with("retake relacy history");
  bool const ends = text.ends_with('\n');
  // A record of a schedule names its scenario and ends with the number of its choices; one of
  // Relacy has its choices in one line.
  bool const cut = (text.find("\nscenario ") != std::string::npos && text.find("\nend ") == std::string::npos) ||
                   (text.find("\nmodel: ") != std::string::npos && text.find("\nchoices:") == std::string::npos);
  return begins && ends && !cut ? replay_condition::whole : replay_condition::torn;
}

std::string set_aside(std::string const& path) {
  std::string const aside = durable::set_aside(path);
  if (aside.empty()) return fmt::format("{} is torn, and cannot be renamed", path);
  return fmt::format("{} is torn: set aside as {}", path, aside);
}

}  // namespace retake::campaign
