// The store's news wakes the reply, and whoever reads the reply looks at the outcome.
#include "answer/durable.h"

#include <optional>
#include <utility>

namespace fulmar::api {
namespace {

class Durable final : public http::Source {
 public:
  Durable(StateStore& sessions, Ticket ticket, const Family& family, WhenDurable then)
      : sessions_(sessions), ticket_(std::move(ticket)), family_(family), then_(std::move(then)) {}

  // The reply is kept by what wakes it, and so never ends inside of a call from the store, which waits for that call. It
  // lets this go when it is done or left.
  void wake(const std::shared_ptr<http::Reply>& reply) {
    news_ = sessions_.subscribe([reply] { reply->wake(); });
  }

  http::Reply::Part take() override {
    const std::optional<Outcome> outcome = sessions_.outcome(ticket_);
    if (!outcome) return {};
    try {
      if (outcome->error) throw Error(*outcome->error);
      return {then_(*outcome), false, {}, true};
    } catch (const Error& error) {
      return {http::worded(family_.wording, http::Failure(error)), false, {}, true};
    }
  }

 private:
  StateStore& sessions_;
  const Ticket ticket_;
  const Family& family_;
  const WhenDurable then_;
  Subscription news_;
};

}  // namespace

void answer_when_durable(StateStore& sessions, Ticket ticket, const Family& family,
                         const std::shared_ptr<http::Reply>& reply, WhenDurable then) {
  const auto source = std::make_shared<Durable>(sessions, std::move(ticket), family, std::move(then));
  source->wake(reply);
  reply->attach(source);
}

}  // namespace fulmar::api
