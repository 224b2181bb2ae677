#include "peer.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "measure.hpp"

namespace retake::bench {

peer::peer() {
  namespace fs = std::filesystem;
  int code = 0;
  version_ = output_of({"go", "version"}, code);
  if (code != 0) {
    why_not_ = "go is not installed (Debian: golang-go)";
    return;
  }
  while (!version_.empty() && version_.back() == '\n') version_.pop_back();
  char folder[] = "/tmp/retake-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) {
    why_not_ = "no temporary folder";
    return;
  }
  folder_ = folder;
  fs::copy(fs::path(RETAKE_BENCH_PEERS), folder_, fs::copy_options::recursive, ignored_);
  static_cast<void>(output_of({"go", "build", "-o", "operations", "."}, code, folder_));
  if (code != 0) why_not_ = "peers/*.go do not build: " + version_;
}

peer::~peer() {
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored_);
}

double peer::measure(std::string const& metric, double seconds, std::uint32_t processors) const {
  int code = 0;
  const std::string said =
      output_of({folder_ + "/operations", metric, std::to_string(seconds), std::to_string(processors)}, code);
  return code == 0 ? std::strtod(said.c_str(), nullptr) : -1;
}

std::string peer::figure(std::string const& row, std::uint32_t processors) const {
  int code = 0;
  const std::string said = output_of({folder_ + "/operations", row, "0", std::to_string(processors)}, code);
  return code == 0 ? said : std::string();
}

std::vector<std::string> peer::server(std::uint32_t processors) const {
  return {folder_ + "/operations", "serve", "0", std::to_string(processors)};
}

double measure_boost_fiber(std::string const& metric, double seconds) {
  const std::string where = program("retake-bench-boost-fiber");
  if (where.empty()) return -1;
  int code = 0;
  const std::string said = output_of({where, metric, std::to_string(seconds)}, code);
  return code == 0 ? std::strtod(said.c_str(), nullptr) : -1;
}

}  // namespace retake::bench
