// io_uring over liburing. See world/ring.hpp.
#include "world/ring.hpp"

#include <cerrno>
#include <cstddef>
#include <new>

#include <fcntl.h>
#include <liburing.h>
#include <sys/stat.h>

#include "open_flags.hpp"
#include "world/memory.hpp"

namespace retake::world {

static_assert(sizeof(kernel::file_record) == sizeof(struct statx));
static_assert(offsetof(kernel::file_record, mode) == offsetof(struct statx, stx_mode) &&
              offsetof(kernel::file_record, bytes) == offsetof(struct statx, stx_size) &&
              offsetof(kernel::file_record, modified) == offsetof(struct statx, stx_mtime));
static_assert(sizeof(kernel::io_slice) == sizeof(iovec) &&
              offsetof(kernel::io_slice, bytes) == offsetof(iovec, iov_len));

struct ring::state {
  io_uring kernel{};
};

namespace {

constexpr unsigned one_transfer_max = 0x7ffff000;  // what the kernel moves at most in one call

// IORING_OP_SOCKET came with Linux 5.19, as did cancel_all and tables of buffers with empty places.
bool is_recent(io_uring& ring) noexcept {
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  const bool recent = io_uring_opcode_supported(probe, IORING_OP_SOCKET) != 0;
  io_uring_free_probe(probe);
  return recent;
}

void fill_transfer(io_uring_sqe& entry, ring_request const& request) noexcept {
  const bool reads = request.what == ring_operation::read;
  const auto offset = static_cast<__u64>(request.offset);
  if (request.count != 1) {
    auto const* const slices = reinterpret_cast<iovec const*>(request.slices);
    const auto count = static_cast<unsigned>(request.count);
    reads ? io_uring_prep_readv(&entry, request.fd, slices, count, offset)
          : io_uring_prep_writev(&entry, request.fd, slices, count, offset);
    return;
  }
  void* const address = request.slices->address;
  const unsigned bytes =
      request.slices->bytes < one_transfer_max ? static_cast<unsigned>(request.slices->bytes) : one_transfer_max;
  if (request.buffer >= 0) {
    reads ? io_uring_prep_read_fixed(&entry, request.fd, address, bytes, offset, request.buffer)
          : io_uring_prep_write_fixed(&entry, request.fd, address, bytes, offset, request.buffer);
    return;
  }
  reads ? io_uring_prep_read(&entry, request.fd, address, bytes, offset)
        : io_uring_prep_write(&entry, request.fd, address, bytes, offset);
}

void fill_status(io_uring_sqe& entry, ring_request const& request) noexcept {
  auto* const status = reinterpret_cast<struct statx*>(request.status);
  const bool by_path = request.fd < 0;
  io_uring_prep_statx(&entry, by_path ? AT_FDCWD : request.fd, by_path ? request.path : "", by_path ? 0 : AT_EMPTY_PATH,
                      STATX_BASIC_STATS | STATX_BTIME, status);
}

}  // namespace

ring::~ring() {
  if (state_ == nullptr) return;
  io_uring_queue_exit(&state_->kernel);
  state_->~state();
  deallocate(state_, sizeof(state));
}

int ring::open(std::uint32_t entries, site) noexcept {
  void* const memory = allocate(sizeof(state), alignof(state));
  if (memory == nullptr) return -ENOMEM;
  state* const made = new (memory) state();
  int failed = io_uring_queue_init(entries, &made->kernel, IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL);
  if (failed == 0 && !is_recent(made->kernel)) {
    io_uring_queue_exit(&made->kernel);
    failed = -ENOSYS;
  }
  if (failed != 0) {
    made->~state();
    deallocate(made, sizeof(state));
    return failed == -EINVAL ? -ENOSYS : failed;  // a flag that an older kernel does not know
  }
  state_ = made;
  return 0;
}

int ring::descriptor() const noexcept { return state_->kernel.ring_fd; }

bool ring::prepare(ring_request const& request, site) noexcept {
  io_uring_sqe* const entry = io_uring_get_sqe(&state_->kernel);
  if (entry == nullptr) return false;
  switch (request.what) {
    case ring_operation::nothing: io_uring_prep_nop(entry); break;
    case ring_operation::read:
    case ring_operation::write: fill_transfer(*entry, request); break;
    case ring_operation::sync:
      io_uring_prep_fsync(entry, request.fd, request.how == 1 ? IORING_FSYNC_DATASYNC : 0);
      break;
    case ring_operation::open:
      io_uring_prep_openat(entry, AT_FDCWD, request.path, os::open_flags(request.how), request.permissions);
      entry->flags |= IOSQE_ASYNC;  // else the kernel tries O_NONBLOCK first, which opens a FIFO that nobody writes to
      break;
    case ring_operation::status: fill_status(*entry, request); break;
    case ring_operation::cancel: io_uring_prep_cancel64(entry, request.target, 0); break;
    case ring_operation::cancel_all: io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY); break;
  }
  io_uring_sqe_set_data64(entry, request.user_data);
  return true;
}

int ring::submit(std::uint32_t wait_for, site) noexcept {
  return wait_for == 0 ? io_uring_submit(&state_->kernel) : io_uring_submit_and_wait(&state_->kernel, wait_for);
}

std::uint32_t ring::withdraw(std::uint64_t* user_data, std::uint32_t max) noexcept {
  io_uring_sq& queue = state_->kernel.sq;
  std::uint32_t count = 0;
  for (unsigned at = *queue.khead; at != queue.sqe_tail && count != max;
       ++at) {  // the kernel moves the head in submit() only
    io_uring_sqe& entry = queue.sqes[at & queue.ring_mask];
    if (entry.opcode == IORING_OP_NOP && entry.user_data == 0) continue;
    user_data[count++] = entry.user_data;
    io_uring_prep_nop(&entry);
    io_uring_sqe_set_data64(&entry, 0);
  }
  return count;
}

std::uint32_t ring::reap(ring_completion* into, std::uint32_t max, site) noexcept {
  io_uring& kernel = state_->kernel;
  std::uint32_t count = 0;
  io_uring_cqe* entry = nullptr;
  while (count != max && io_uring_peek_cqe(&kernel, &entry) == 0) {  // looks behind an overflow too
    into[count++] = {entry->user_data, entry->res};
    io_uring_cqe_seen(&kernel, entry);
  }
  return count;
}

int ring::set_buffer(std::uint32_t number, void* address, std::size_t bytes, site) noexcept {
  io_uring& kernel = state_->kernel;
  const iovec what{address, bytes};
  const __u64 no_tag = 0;
  const int done = io_uring_register_buffers_update_tag(&kernel, number, &what, &no_tag, 1);
  if (done != -ENXIO) return done < 0 ? done : 0;
  const int failed = io_uring_register_buffers_sparse(&kernel, buffers_max);  // the table, at its first use
  if (failed < 0 && failed != -EBUSY) return failed;
  const int again = io_uring_register_buffers_update_tag(&kernel, number, &what, &no_tag, 1);
  return again < 0 ? again : 0;
}

}  // namespace retake::world
