// A request for no tokens closes a state: it reads what is left of the session's text and reports what became of it.
#include "api/states/closing.h"

#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "answer/behalf.h"
#include "answer/tenants.h"

namespace fulmar::api::states {
namespace {

class Closing;

struct One final : Sink {
  One(Closing& whole, size_t at) : owner(whole), index(at) {}
  void on_event(const Event& event) override;

  Closing& owner;  // owns this
  const size_t index;
};

class Closing final : public http::Source, public std::enable_shared_from_this<Closing> {
 public:
  Closing(host::ServedPtr served, size_t count, const Call& call, WhenClosed then)
      : served_(std::move(served)),
        family_(call.family),
        reply_(call.reply),
        then_(std::move(then)),
        states_(count),
        left_(count) {
    for (size_t i = 0; i < count; ++i) ones_.emplace_back(*this, i);
  }

  void start(std::vector<Request> requests) {
    const auto self = shared_from_this();
    reply_->on_gone([weak = weak_from_this()] {
      if (const auto closing = weak.lock()) closing->close_all();
    });
    std::vector<Submission> all;
    for (Request& request : requests)
      all.push_back({std::move(request), {std::shared_ptr<Sink>(self, &ones_[all.size()])}});
    served_->engine->submit(std::move(all));
    reply_->attach(self);
  }

  void on_event(size_t index, const Event& event) {
    if (event.finish == Finish::none) return;
    const std::lock_guard lock(mutex_);
    if (error_) return;
    if (event.error)
      error_ = told_to(tenant_, *event.error);
    else if (event.finish == Finish::failed)
      error_.emplace(ErrorKind::internal, "a state could not be read");
    else if (event.finish == Finish::cancelled || event.states.empty())
      error_.emplace(ErrorKind::unavailable, "the server stopped before the state was read");
    else
      states_[index] = event.states[0];
    --left_;
    if (error_) close_all();
    if (error_ || left_ == 0) reply_->wake();
  }

  http::Reply::Part take() override {
    try {
      {
        const std::lock_guard lock(mutex_);
        if (error_) throw Error(*error_);
        if (left_ > 0 || std::exchange(given_, true)) return {};
      }
      then_(std::move(states_), reply_);
      return {};
    } catch (const Error& error) {
      return {http::worded(family_.wording, http::Failure(error)), false, {}, true};
    } catch (const std::bad_alloc&) {
      const Error error(ErrorKind::out_of_memory, "the host's memory did not suffice for the state");
      return {http::worded(family_.wording, http::Failure(error)), false, {}, true};
    }
  }

 private:
  void close_all() {
    for (One& one : ones_) one.close();
  }

  const host::ServedPtr served_;
  const std::string tenant_ = Behalf::tenant();
  const Family& family_;
  const std::shared_ptr<http::Reply> reply_;
  const WhenClosed then_;
  std::deque<One> ones_;

  std::mutex mutex_;
  std::vector<StatePtr> states_;
  size_t left_;
  bool given_ = false;
  std::optional<Error> error_;
};

void One::on_event(const Event& event) {
  owner.on_event(index, event);
}

}  // namespace

void close_states(const host::ServedPtr& served, const std::vector<std::string>& ids, const Call& call, WhenClosed then) {
  PromptInput nothing;
  nothing.may_be_empty = true;
  const std::shared_ptr<const Prompt> prompt = served->engine->prepare(nothing);
  std::vector<Request> requests;
  for (const std::string& id : ids) {
    Request& request = requests.emplace_back();
    request.prompt = prompt;
    request.max_tokens = 0;
    request.report_states = true;
    request.use_prefix_cache = false;
    Stream stream;
    stream.from = id;
    stream.must_exist = true;
    request.streams = {std::move(stream)};
  }
  std::make_shared<Closing>(served, ids.size(), call, std::move(then))->start(std::move(requests));
}

}  // namespace fulmar::api::states
