// replay_reader.cpp: a record is read. Whatever the file holds: one line that says what is wrong,
// in bounded memory.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/replay_words.hpp"

namespace retake::sim {

namespace {

bool number(std::string_view text, std::uint32_t& out) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_choice(std::string const& line, replay_choice& c) {
  std::istringstream in(line);
  std::string kind, thread, arrow, to, extra;
  if (!(in >> kind >> thread >> c.op >> c.function >> arrow >> to) || arrow != "->" || (in >> extra)) return false;
  auto const* const k = std::find(std::begin(choice_kind_names), std::end(choice_kind_names), kind);
  if (k == std::end(choice_kind_names) || !number(thread, c.thread) || c.thread >= threads_max) return false;
  if (std::find(op_names.begin(), op_names.end(), c.op) == op_names.end()) return false;
  c.kind = static_cast<choice_kind>(k - choice_kind_names);
  if (c.kind == choice_kind::thread) {
    if (to == "clock")
      c.to = clock_slot;
    else if (!number(to, c.to) || c.to >= threads_max)
      return false;
    return true;
  }
  auto const slash = to.find('/');
  return slash != std::string::npos && number(std::string_view(to).substr(0, slash), c.chosen) &&
         number(std::string_view(to).substr(slash + 1), c.n) && c.chosen < c.n;
}

// A part of a foreign line, fit for a terminal.
std::string shown(std::string_view line) {
  constexpr std::size_t most = 80;
  std::string t(line.substr(0, most));
  std::replace_if(
      t.begin(), t.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line.size() > most ? t + "..." : t;
}

// Line by line, with numbers. A line that is too long or holds a NUL byte is none.
class line_reader {
 public:
  explicit line_reader(std::istream& in) : in_(in), buffer_(replay::line_bytes_max) {}

  // False at the end, or when `wrong()` is not empty.
  bool next(std::string& line) {
    if (!wrong_.empty()) return false;
    in_.getline(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    auto const taken = static_cast<std::size_t>(in_.gcount());
    if (taken == 0 && in_.eof()) return false;
    ++at_;
    if (in_.fail() && !in_.eof())
      return refuse(fmt::format("line {}: longer than {} bytes", at_, replay::line_bytes_max));
    line.assign(buffer_.data(), taken - (in_.eof() ? 0 : 1));
    if (line.find('\0') != std::string::npos) return refuse(fmt::format("line {}: holds a NUL byte", at_));
    return true;
  }
  // The value of the line that begins with `name`, or `wrong()`.
  std::string value_of(char const* name) {
    std::string line, word, value, extra;
    bool const is_there = next(line);
    if (!wrong_.empty()) return "";
    std::istringstream words(line);
    words >> word >> value >> extra;
    if (!is_there)
      refuse(fmt::format("line {}: truncated: there is no `{} ...`", at_ + 1, name));
    else if (word != name || value.empty() || !extra.empty())
      refuse(fmt::format("line {}: expected `{} ...`, found `{}`", at_, name, shown(line)));
    return value == "-" ? "" : value;
  }
  std::size_t at() const { return at_; }
  std::string const& wrong() const { return wrong_; }
  bool refuse(std::string why) {
    if (wrong_.empty()) wrong_ = std::move(why);
    return false;
  }

 private:
  std::istream& in_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::string wrong_;
};

constexpr std::uint32_t oldest_version = 2;

// The first version that has this option, which counts something that is a choice since then.
std::uint32_t since(std::string_view option_name) {
  if (option_name == "give_ups") return 3;
  return option_name == "placements" || option_name == "weak_failures" ? 4 : oldest_version;
}

bool read_version(line_reader& in, std::uint32_t& version) {
  constexpr std::string_view begin = "retake-replay ";
  std::string line;
  if (!in.next(line)) return in.refuse("it is empty");
  if (!line.starts_with(begin))
    return in.refuse(fmt::format("line 1: not a replay (it begins with `{}{}`)", begin, replay_version));
  if (number(std::string_view(line).substr(begin.size()), version) && version >= oldest_version &&
      version <= replay_version)
    return true;
  return in.refuse(fmt::format("line 1: version `{}`; this build reads versions {} to {}",
                               shown(line.substr(begin.size())), oldest_version, replay_version));
}

bool read_header(line_reader& in, std::uint32_t version, replay& r) {
  auto const bound = [&](char const* name, std::uint32_t& to) {
    std::string const value = in.value_of(name);
    if (!number(value, to))
      in.refuse(fmt::format("line {}: {} `{}`; a whole number of 32 bits", in.at(), name, shown(value)));
  };
  r.scenario = in.value_of("scenario");
  bound("chaos_steps", r.chaos_steps);
  bound("heal_steps", r.heal_steps);
  bound("steps_max", r.steps_max);
  for (option const& o : option_list()) {
    std::string const value = version < since(o.name) ? "0" : in.value_of(o.name);
    std::string accepted;
    if (in.wrong().empty() && !o.parse(value, r.world, accepted))
      in.refuse(fmt::format("line {}: {} `{}`; accepted: {}", in.at(), o.name, shown(value), accepted));
  }
  r.tag = in.value_of("tag");
  r.revision = in.value_of("revision");
  return in.wrong().empty();
}

bool read_choices(line_reader& in, replay& r) {
  std::string line;
  while (in.next(line)) {
    if (line.starts_with("end ")) {
      std::uint32_t n = 0;
      if (!number(std::string_view(line).substr(4), n) || n != r.choices.size()) {
        return in.refuse(
            fmt::format("line {}: `{}`, but {} choices stand above it", in.at(), shown(line), r.choices.size()));
      }
      return !in.next(line) && in.wrong().empty() ? true
                                                  : in.refuse(fmt::format("line {}: text after the end", in.at()));
    }
    replay_choice c;
    if (!parse_choice(line, c)) return in.refuse(fmt::format("line {}: not a choice: `{}`", in.at(), shown(line)));
    if (r.choices.size() == engine::choices_max)
      return in.refuse(fmt::format("line {}: more than {} choices", in.at(), engine::choices_max));
    r.choices.push_back(std::move(c));
  }
  return in.refuse(fmt::format("line {}: truncated: there is no `end {}`", in.at() + 1, r.choices.size()));
}

bool read_all(std::istream& from, replay& out, std::string& reason) {
  line_reader in(from);
  replay r;
  std::uint32_t version = 0;
  if (read_version(in, version) && read_header(in, version, r) && read_choices(in, r)) {
    out = std::move(r);
    return true;
  }
  reason = in.wrong();
  return false;
}

}  // namespace

bool replay::parse(std::string const& text, replay& out, std::string& reason) {
  std::istringstream in(text);
  return read_all(in, out, reason);
}

bool replay::read(std::string const& path, replay& out, std::string& reason) {
  std::error_code error;
  bool const is_file = std::filesystem::is_regular_file(path, error);
  std::uintmax_t const bytes = is_file ? std::filesystem::file_size(path, error) : 0;
  std::ifstream in;
  if (is_file && !error) in.open(path, std::ios::binary);
  if (!in.is_open())
    reason = "no file that can be read";
  else if (bytes > file_bytes_max)
    reason = fmt::format("{} bytes; a replay has {} at most", bytes, file_bytes_max);
  else if (read_all(in, out, reason))
    return true;
  reason = fmt::format("{}: {}", path, reason);
  return false;
}

}  // namespace retake::sim
