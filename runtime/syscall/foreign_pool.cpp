// The workers of a foreign_pool, and how a call gets to one.
//
// The queue is the channel: a caller that no worker is free for waits in it as a sender, and a
// select that chooses the end of its context instead has taken it out. From the hand-over on the
// job is both parties'. The worker says under the mutex that it has run, a caller that gives up
// says there that it has: who is second finds the other's word and destroys the job. The worker
// says it and closes `over` under the mutex, so that a caller, who always takes the mutex once
// more, cannot destroy the channel that is being closed.
// Rejected: a count of uses in the job (two words that say what one mutex says); a queue beside the
// channel (a call must leave it and refuse the worker at once).
#include "retake/foreign_pool.hpp"

#include <limits>

#include "retake/go.hpp"
#include "retake/select.hpp"
#include "retake/sync.hpp"
#include "retake/thread_lock.hpp"
#include "sched/scheduler.hpp"
#include "sync/core_memory.hpp"
#include "world/require.hpp"

namespace retake::detail {

// The end of the program takes the workers along.
class pool_core : public outliving {
 public:
  explicit pool_core(outliving_list& home) noexcept : outliving(home, [](outliving&) noexcept {}) {}

  void work(char const* file, unsigned line) {
    struct ends {
      wait_group& of;
      ~ends() { of.done(); }
    } const after{workers};  // behind the lock
    const os_thread_lock hold(file, line);
    for (pool_job* job : handed_over) {
      job->run();
      finish(std::unique_ptr<pool_job>(job));
    }
  }

  // By its caller, who waits no more. The job, when it has run.
  [[nodiscard]] std::unique_ptr<pool_job> collect(pool_job* job) noexcept {
    mutex_.lock();
    const bool has_run = job->has_run;
    if (!has_run) job->abandoned = true;
    mutex_.unlock();
    return std::unique_ptr<pool_job>(has_run ? job : nullptr);
  }

  channel<pool_job*> handed_over;
  wait_group workers;

 private:
  void finish(std::unique_ptr<pool_job> job) {
    mutex_.lock();
    if (!job->abandoned) {
      job->has_run = true;
      job->over.close();
      static_cast<void>(job.release());
    }
    mutex_.unlock();
  }

  mutex mutex_;
};

pool_core* open_pool(std::uint32_t workers, char const* file, unsigned line) {
  if (workers == 0) world::fatal("a foreign_pool without workers");
  if (workers > static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()))
    world::fatal("a foreign_pool of too many workers");
  pool_core* const pool = make_core<pool_core>(machine_here().home.objects);
  pool->workers.add(static_cast<std::int32_t>(workers));
  for (std::uint32_t i = 0; i < workers; ++i) go([=] { pool->work(file, line); });
  return pool;
}

void close_pool(pool_core* pool) noexcept {
  if (!pool->program_has_ended()) {
    pool->handed_over.close();
    pool->workers.wait();
  }
  release_core(pool);
}

result<std::unique_ptr<pool_job>> run_in_pool(pool_core& pool, std::unique_ptr<pool_job> job, context const& until) {
  if (pool.program_has_ended()) return std::make_error_code(std::errc::operation_canceled);
  if (const std::error_code why = until.error()) return why;
  pool_job* const shared = job.get();
  select(on_send(pool.handed_over, shared, [&] { static_cast<void>(job.release()); }),
         on_receive(until.done(), [](auto) {}));
  if (job != nullptr) return until.error();
  select(on_receive(shared->over, [](auto) {}), on_receive(until.done(), [](auto) {}));
  std::unique_ptr<pool_job> ran = pool.collect(shared);
  if (ran == nullptr) return until.error();
  return ran;
}

}  // namespace retake::detail
