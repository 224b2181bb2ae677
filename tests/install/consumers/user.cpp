#include <retake/channel.hpp>
#include <retake/go.hpp>
#include <retake/run.hpp>

#include <cstdio>

int main() {
  retake::run([] { std::puts("a goroutine of an installed retake"); });
}
