#include "disk_bound.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <vector>

namespace retake::campaign {

namespace fs = std::filesystem;

std::uint64_t bytes_in(std::string const& folder) {
  std::uint64_t sum = 0;
  std::error_code gone;  // a child may take its file away meanwhile
  for (auto const& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, gone)) {
    std::uint64_t const size = entry.is_regular_file(gone) ? entry.file_size(gone) : 0;
    if (!gone) sum += size;
  }
  return sum;
}

namespace {

struct expendable_file {
  int rank;
  fs::file_time_type written;
  fs::directory_entry entry;
};

// Files of the folder and, where `deep`, below it.
void add_files(std::vector<expendable_file>& all, int rank, std::string const& folder, bool deep,
               fs::path const& kept) {
  std::error_code gone;
  for (auto it = fs::recursive_directory_iterator(folder, gone); !gone && it != fs::recursive_directory_iterator();
       it.increment(gone)) {
    if (!deep) it.disable_recursion_pending();
    std::string const extension = it->path().extension().string();
    bool const needed = extension == ".replay" || extension == ".history" || extension == ".line";
    if (it->is_regular_file(gone) && !needed && it->path() != kept)
      all.push_back({rank, it->last_write_time(gone), *it});
  }
}

}  // namespace

bool keep_below(std::string const& folder, std::uint64_t bytes_max, std::string const& log_of_tonight) {
  std::uint64_t bytes = bytes_in(folder);
  if (bytes <= bytes_max) return true;
  std::vector<expendable_file> expendable;
  for (char const* kind : {"/logs", "/work"}) add_files(expendable, 0, folder + kind, false, log_of_tonight);
  add_files(expendable, 1, folder + "/minimised", true, log_of_tonight);
  add_files(expendable, 2, folder + "/traces", true, log_of_tonight);
  add_files(expendable, 3, folder + "/work/corpus", true, log_of_tonight);
  std::sort(expendable.begin(), expendable.end(),
            [](auto const& a, auto const& b) { return std::tuple(a.rank, a.written) < std::tuple(b.rank, b.written); });
  std::error_code gone;
  for (auto const& [rank, written, entry] : expendable) {
    if (bytes <= bytes_max) break;
    std::uint64_t const size = entry.file_size(gone);
    if (!gone && fs::remove(entry.path(), gone)) bytes -= std::min(bytes, size);
  }
  return bytes <= bytes_max;
}

}  // namespace retake::campaign
