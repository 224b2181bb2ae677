// bytes.hpp: text as bytes, for the tests of streams.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "retake/channel.hpp"
#include "retake/go.hpp"
#include "retake/net.hpp"

namespace retake::test {

inline std::span<std::byte const> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string read_some(stream& from, std::size_t most = 64) {
  std::string text(most, 0);
  auto const got = from.read(std::as_writable_bytes(std::span(text.data(), text.size())));
  if (!got) return "error: " + got.error().message();
  text.resize(*got);
  return text;
}

inline std::string read_all(stream& from) {
  std::string all;
  for (std::string part = read_some(from, 1000); !part.empty(); part = read_some(from, 1000)) all += part;
  return all;
}

inline pipe_ends a_pipe() {
  auto made = make_pipe();
  EXPECT_TRUE(made) << made.error().message();
  return std::move(*made);
}

struct connection {
  stream client, server;
};
inline connection a_connection() {
  auto listener = tcp_listen(loopback_address, 0);
  EXPECT_TRUE(listener) << listener.error().message();
  channel<stream> accepted(1);
  go([&] {
    auto server = listener->accept();
    EXPECT_TRUE(server) << server.error().message();
    accepted.send(std::move(*server));
  });
  auto client = tcp_connect(loopback_address, listener->port());
  EXPECT_TRUE(client) << client.error().message();
  auto server = accepted.receive();
  return {std::move(*client), std::move(*server)};
}

}  // namespace retake::test
