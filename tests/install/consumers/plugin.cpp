// plugin.cpp: a shared library that contains the runtime.
#include <retake/channel.hpp>
#include <retake/go.hpp>
#include <retake/run.hpp>

#include <cstdio>

void run_plugin() {
  retake::run([] {
    retake::channel<char const*> words(0);
    retake::go([&] { words.send("a goroutine of a shared library"); });
    std::puts(words.receive().value());
  });
}
