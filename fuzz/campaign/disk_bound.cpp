#include "disk_bound.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace retake::campaign {

namespace fs = std::filesystem;

std::uint64_t bytes_in(std::string const& folder) {
  std::uint64_t sum = 0;
  std::error_code gone;  // a child may take its file away meanwhile
  for (auto const& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, gone)) {
    std::uint64_t const size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    if (!gone) sum += size;
  }
  return sum;
}

bool keep_below(std::string const& folder, std::uint64_t bytes_max, std::string const& log_of_tonight) {
  std::uint64_t bytes = bytes_in(folder);
  if (bytes <= bytes_max) return true;
  std::vector<fs::directory_entry> expendable;
  std::error_code gone;
  for (char const* kind : {"/logs", "/work"}) {
    for (auto const& entry : fs::directory_iterator(folder + kind, gone)) {
      std::string const extension = entry.path().extension().string();
      bool const needed = extension == ".replay" || extension == ".history" || extension == ".line";
      if (entry.is_regular_file(gone) && !needed && entry.path() != fs::path(log_of_tonight)) expendable.push_back(entry);
    }
  }
  std::sort(expendable.begin(), expendable.end(), [&](auto const& a, auto const& b) { return a.last_write_time(gone) < b.last_write_time(gone); });
  for (auto const& entry : expendable) {
    if (bytes <= bytes_max) break;
    std::uint64_t const size = entry.file_size(gone);
    if (!gone && fs::remove(entry.path(), gone)) bytes -= std::min(bytes, size);
  }
  return bytes <= bytes_max;
}

}  // namespace retake::campaign
