// apart.hpp: a process with a network, a file system or both of its own, which are gone when it is
//
// Recipe.    unshare(2) before the first thread: as root the namespaces alone, else inside a user
//            namespace, in which everybody is root. Where that is forbidden too, the caller has to
//            do without.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

namespace retake::stress {

enum class apartness { none, as_root, as_user };

inline bool write_file(std::string const& path, std::string_view text) {
  std::ofstream out(path);
  return static_cast<bool>(out << text << std::flush);
}

// `spaces`: CLONE_NEWNET, CLONE_NEWNS. Before the runtime, by the only thread.
inline apartness stand_apart(int spaces) {
  if (::unshare(spaces) == 0) return apartness::as_root;
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(spaces | CLONE_NEWUSER) != 0) return apartness::none;
  const bool mapped = write_file("/proc/self/setgroups", "deny") &&
                      write_file("/proc/self/uid_map", fmt::format("0 {} 1", user)) &&
                      write_file("/proc/self/gid_map", fmt::format("0 {} 1", group));
  return mapped ? apartness::as_user : apartness::none;
}

// An /etc of `files` (name, text) and nothing else, in a file system of our own.
template <class Files>
bool own_etc(Files const& files) {
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("etc", "/etc", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") != 0)
    return false;
  for (auto const& [name, text] : files) {
    if (!write_file(fmt::format("/etc/{}", name), text)) return false;
  }
  return true;
}

namespace detail {

inline bool ask_interface(char const* name, unsigned long request, ifreq& what) {
  std::strncpy(what.ifr_name, name, IFNAMSIZ - 1);
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool done = any >= 0 && ::ioctl(any, request, &what) == 0;
  ::close(any);
  return done;
}

}  // namespace detail

inline bool set_link(char const* name, bool up) {
  ifreq what{};
  if (!detail::ask_interface(name, SIOCGIFFLAGS, what)) return false;
  what.ifr_flags = static_cast<short>(up ? what.ifr_flags | IFF_UP : what.ifr_flags & ~IFF_UP);
  return detail::ask_interface(name, SIOCSIFFLAGS, what);
}

// `host` in host order, in a network of 256 addresses.
inline bool set_address(char const* name, std::uint32_t host) {
  const auto set = [name](unsigned long request, std::uint32_t value) {
    ifreq what{};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(value);
    std::memcpy(&what.ifr_addr, &address, sizeof address);
    return detail::ask_interface(name, request, what);
  };
  return set(SIOCSIFADDR, host) && set(SIOCSIFNETMASK, 0xffffff00);
}

}  // namespace retake::stress
