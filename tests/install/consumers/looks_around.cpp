// looks_around.cpp: what the runtime asks the system for: the machine's size, a file, its own
// stacks. Prints the file and the stacks.
#include <retake/channel.hpp>
#include <retake/debug.hpp>
#include <retake/file.hpp>
#include <retake/go.hpp>
#include <retake/run.hpp>

#include <array>
#include <cstdio>
#include <optional>
#include <string_view>

namespace {

std::optional<int> waits_for_ever(retake::channel<int>& channel) { return channel.receive(); }

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace

int main(int, char** arguments) {
  retake::run([&] {
    retake::channel<int> numbers(0);
    retake::go([&] { static_cast<void>(waits_for_ever(numbers)); });
    retake::yield();
    std::array<char, 80> text{};
    retake::result<retake::file> file = retake::open_file(arguments[1], retake::open_mode::read);
    if (file) print({text.data(), *file->read(std::as_writable_bytes(std::span(text)))});
    retake::dump_goroutines(print);
    numbers.send(1);
  });
}
