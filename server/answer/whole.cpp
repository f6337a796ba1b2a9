// Holds the body until its last part was taken.
#include "answer/whole.h"

#include <utility>

#include "answer/held.h"

namespace fulmar::api {
namespace {

class Whole final : public http::Source {
 public:
  Whole(std::string body, std::atomic<std::size_t>& all) : body_(std::move(body)), held_(all) {
    held_.change(body_.capacity(), 0);
    if (held_.too_much()) throw Held::too_much_error();
  }

  http::Reply::Part take() override {
    http::Reply::Part part;
    part.streamed = body_.size() > kPartBytes;
    if (taken_ == 0) part.head.emplace();
    if (!part.streamed) {
      part.head->body = std::move(body_);
      part.done = true;
      return part;
    }
    part.bytes = body_.substr(taken_, kPartBytes);
    taken_ += part.bytes.size();
    part.done = taken_ == body_.size();
    return part;
  }

 private:
  std::string body_;
  std::size_t taken_ = 0;
  Held held_;
};

}  // namespace

void give_whole(const Context& context, const Call& call, std::string body) {
  call.reply->attach(std::make_shared<Whole>(std::move(body), context.waiting_text));
}

}  // namespace fulmar::api
