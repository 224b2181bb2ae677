// A user's own code, built against an installed retake alone: a stack whose push publishes nothing.
#include <retake/explore.hpp>
#include <retake/model.hpp>

namespace {

namespace model = retake::model;

struct node {
  model::plain<int> value;
  node* next;
};

class stack {
 public:
  void push(node* n) {
    n->next = head_.load(model::memory_order_relaxed);
    // the bug: relaxed does not publish what the node holds; release does
    while (!head_.compare_exchange_weak(n->next, n, model::memory_order_relaxed)) model::this_thread::yield();
  }
  [[nodiscard]] node* top() const { return head_.load(model::memory_order_acquire); }

 private:
  model::atomic<node*> head_{nullptr};
};

void push_and_look() {
  stack s;
  node n{0, nullptr};
  model::jthread const pusher([&] {
    n.value.set(7);
    s.push(&n);
  });
  if (node const* const seen = s.top()) retake::explore::require(seen->value.get() == 7, "torn: a value half pushed");
}

}  // namespace

int main(int argc, char** argv) {
  retake::explore::take_arguments(argc, argv);
  retake::explore::options chosen;
  chosen.claim = "what is on the stack can be read";
  return retake::explore::finish(retake::explore::check(push_and_look, chosen));
}
