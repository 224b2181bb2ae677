// http_checks.hpp: what a server of files owes its clients and its machine, as checks that say what
// is wrong; "" when nothing is. The same look at the server and at its faulty twins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "child.hpp"
#include "http_client.hpp"

namespace retake::test {

inline std::string bytes_like_noise(std::size_t count, std::uint32_t seed) {
  std::string bytes(count, 0);
  for (char& c : bytes) {
    seed = seed * 1'664'525 + 1'013'904'223;
    c = static_cast<char>(seed >> 24);
  }
  return bytes;
}

// A folder of files, gone with the object. /secret lies beside the folder that is served.
class some_files {
 public:
  some_files() {
    char name[] = "/tmp/retake-files-XXXXXX";
    place_ = ::mkdtemp(name);
    std::filesystem::create_directories(root() + "/below");
    for (std::size_t const size : sizes) write(root() + "/" + std::to_string(size), content(size));
    write(root() + "/index.html", "<p>here</p>\n");
    write(root() + "/below/a b.txt", "with a space\n");
    write(place_ + "/secret", "nobody reads this\n");
    std::filesystem::create_symlink(place_ + "/secret", root() + "/way_out");
  }
  ~some_files() { std::filesystem::remove_all(place_); }
  some_files(some_files const&) = delete;
  some_files& operator=(some_files const&) = delete;

  static constexpr std::size_t sizes[] = {3'000, 0, 1, 65'536, 65'537, 3'000'000};
  [[nodiscard]] std::string root() const { return place_ + "/served"; }
  [[nodiscard]] static std::string content(std::size_t size) {
    return bytes_like_noise(size, static_cast<std::uint32_t>(size));
  }

 private:
  static void write(std::string const& name, std::string const& what) { std::ofstream(name, std::ios::binary) << what; }
  std::string place_;
};

// A server that serves some_files. It prints two JSON lines: where it listens, and what was left
// when it ended.
class server {
 public:
  explicit server(std::vector<std::string> command) : process(with_files(std::move(command), files.root())) {
    const nlohmann::json said = process.json_line();
    if (said.is_object())
      port = static_cast<std::uint16_t>(
          std::stoi(said.value("listens", ":0").substr(said.value("listens", ":0").rfind(':') + 1)));
  }

  some_files files;
  child process;
  std::uint16_t port = 0;

 private:
  static std::vector<std::string> with_files(std::vector<std::string> command, std::string const& root) {
    command.insert(command.end(), {"--root", root, "--listen", "127.0.0.1:0", "--json"});
    return command;
  }
};

// Every file comes whole, over one connection, and HEAD announces it.
inline std::string check_bodies(server& s) {
  http_client client(s.port);
  for (std::size_t const size : some_files::sizes) {
    const std::string target = "/" + std::to_string(size);
    const response got = client.ask("GET", target);
    if (got.status != 200) return target + ": status " + std::to_string(got.status);
    if (got.body != some_files::content(size))
      return target + ": another body, of " + std::to_string(got.body.size()) + " bytes";
    response head = client.ask("HEAD", target);
    if (head.status != 200 || head.head["Content-Length"] != std::to_string(size))
      return target + ": HEAD says something else";
  }
  return "";
}

// Many clients at once for so long: no error, no other body, and few threads. `figures` gets what
// wrk saw.
inline std::string check_under_load(server& s, std::uint32_t connections, std::uint32_t seconds,
                                    std::uint32_t threads_max, nlohmann::json* figures = nullptr) {
  const std::string file = "/3000", url = "http://127.0.0.1:" + std::to_string(s.port) + file;
  child load({RETAKE_WRK, "-t", "2", "-c", std::to_string(connections), "-d", std::to_string(seconds) + "s",
              "--timeout", "20s", "-s", RETAKE_SAME_BODY, url, "--", s.files.root() + file});
  std::uint32_t threads = 0;
  for (std::uint32_t i = 0; i < seconds * 20; ++i) {
    nap_ms(50);
    threads = std::max(threads, s.process.threads());
  }
  const std::string said = load.all_output();
  const std::size_t at = said.find("{\"requests\"");
  const nlohmann::json seen = at == std::string::npos
                                  ? nlohmann::json()
                                  : nlohmann::json::parse(said.substr(at, said.find('\n', at) - at), nullptr, false);
  if (!seen.is_object()) return "wrk: " + said;
  if (figures != nullptr) {
    *figures = seen;
    (*figures)["threads"] = threads;
  }
  if (seen["socket_errors"] != 0 || seen["other_statuses"] != 0 || seen["other_bodies"] != 0 ||
      seen["requests"] < connections)
    return "load: " + seen.dump();
  if (threads > threads_max) return "threads: " + std::to_string(threads);
  return "";
}

inline constexpr int told_already = 0;

// Told to end by a signal, it ends by itself and has nothing left.
inline std::string check_end(server& s, int signal) {
  s.process.signal(signal);
  const nlohmann::json said = s.process.json_line();
  const int code = s.process.code();
  if (!said.is_object()) return "no last line; exit code " + std::to_string(code);
  if (said.value("goroutines_left", -1) != 0 || said.value("descriptors_left", -1) != 0 || code != 0)
    return "left behind: " + said.dump() + ", exit code " + std::to_string(code);
  return "";
}

}  // namespace retake::test
