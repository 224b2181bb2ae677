// surroundings.cpp: what the snippets of the documents take for granted: a request, a job, a
// library that blocks. The test puts them behind it; they are compiled, not run.
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "retake/address.hpp"
#include "retake/bounded.hpp"
#include "retake/channel.hpp"
#include "retake/clock.hpp"
#include "retake/context.hpp"
#include "retake/dial.hpp"
#include "retake/foreign_call.hpp"
#include "retake/foreign_pool.hpp"
#include "retake/go.hpp"
#include "retake/panic.hpp"
#include "retake/process.hpp"
#include "retake/resolver.hpp"
#include "retake/run.hpp"
#include "retake/signal.hpp"
#include "retake/stream.hpp"
#include "retake/sync.hpp"
#include "retake/syscall.hpp"
#include "retake/tcp.hpp"
#include "retake/thread_lock.hpp"

namespace surroundings {

using namespace retake;
using namespace std::chrono_literals;
using retake::syscall;  // not unistd's

struct request {
  std::string body;
};
struct page {
  int status = 200;
  std::string body;
};
std::string process_image(std::string const& body);
void draw();

using bytes = std::vector<std::byte>;
bytes read_file(std::string const& path);
void use(bytes const& content);
extern std::vector<std::string> paths;

struct job {
  void answer(int what) const;
  void answer_crash() const;
};
int library_call(job const& j);

extern address where;
extern tcp_stream peer;
extern std::array<std::byte, 512> buffer;
void consume(std::array<std::byte, 512> const& what, std::size_t n);

extern double quota;
void serve();

void work();
extern struct metric_type { void add(std::chrono::nanoseconds length); } metric;
extern std::chrono::milliseconds timeout, look_every;
extern bool done;

extern char const* picture;

extern std::vector<request> all, queue;
std::string read(request const& r);
void compute(std::string const& what);
void shut_down();
extern sigset_t term;
extern bool draining;
extern int listener;

void convert(request const& r);

struct row {};
namespace driver {
row query(int key);
row query_here(int key);
}  // namespace driver
extern int key;
extern context const until;

}  // namespace surroundings
