// Documents of responses, from the store and to it; see response_document.h.
#include "api/openai/response_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <utility>

#include "answer/body.h"

namespace fulmar::api::openai {
namespace {

constexpr std::string_view response_prefix = "resp_";
constexpr size_t random_letters = 24;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

class EndWhenKept final : public http::Source {
 public:
  EndWhenKept(std::shared_ptr<http::Source> answer, std::shared_ptr<Keeping> keeping, const Family& family,
              std::weak_ptr<http::Reply> reply)
      : answer_(std::move(answer)), keeping_(std::move(keeping)), family_(family), reply_(std::move(reply)) {}

  http::Reply::Part take() override {
    if (!ticket_) {
      http::Reply::Part part = answer_->take();
      if (!part.done || !keeping_->is_complete()) return part;
      last_ = std::move(part);
      ticket_ = keeping_->put();
      // It is kept by what wakes it, as any answer that waits for the store.
      news_ = keeping_->sessions().subscribe([reply = reply_.lock()] { if (reply) reply->wake(); });
    }
    const std::optional<Outcome> outcome = keeping_->sessions().outcome(ticket_);
    if (!outcome) return {std::nullopt, last_.streamed, {}, false};
    if (!outcome->error) {
      (last_.streamed ? last_.bytes : last_.head->body) += keeping_->take_told();
      return std::move(last_);
    }
    const http::Failure failure(*outcome->error);
    const std::string told = keeping_->failed(failure);
    if (!last_.streamed) return {http::worded(family_.wording, failure), false, {}, true};
    last_.bytes += told;
    return std::move(last_);
  }

 private:
  const std::shared_ptr<http::Source> answer_;
  const std::shared_ptr<Keeping> keeping_;
  const Family& family_;
  const std::weak_ptr<http::Reply> reply_;
  http::Reply::Part last_;
  Ticket ticket_;
  Subscription news_;
};

}  // namespace

const json::object* KeptResponse::item(std::string_view id) const {
  const auto named = [id](const json::value& item) { return item.at("id") == json::value(id); };
  for (const json::array* list : {&input, &response.at("output").as_array()})
    if (const auto found = std::ranges::find_if(*list, named); found != list->end()) return &found->as_object();
  return nullptr;
}

std::vector<std::string> KeptResponse::calls() const {
  std::vector<std::string> ids;
  for (const json::value& item : response.at("output").as_array())
    if (item.at("type") == "function_call") ids.emplace_back(item.at("call_id").as_string());
  return ids;
}

std::string item_id(std::string_view kind, const std::string& response, std::string_view number) {
  return fmt::format("{}_{}_{}", kind, response.substr(response_prefix.size()), number);
}

std::string response_of_item(std::string_view item) {
  const size_t begin = item.find('_') + 1;  // npos + 1 is 0
  const std::string_view letters = item.substr(begin, random_letters);
  const bool is_one = begin > 0 && letters.size() == random_letters && std::ranges::all_of(letters, is_letter_or_digit) &&
                      item.substr(begin + random_letters).starts_with('_');
  return is_one ? fmt::format("{}{}", response_prefix, letters) : std::string();
}

std::optional<KeptResponse> find_response(StateStore& sessions, const std::string& id) {
  const bool is_one = id.starts_with(response_prefix) && id.size() == response_prefix.size() + random_letters &&
                      std::all_of(id.begin() + response_prefix.size(), id.end(), is_letter_or_digit);
  if (!is_one) return std::nullopt;
  const std::optional<std::string> document = sessions.document(id);
  if (!document) return std::nullopt;
  json::parse_options options;
  options.max_depth = kBodyDepth + 16;  // what the request had stands a few levels deeper
  json::object read = json::parse(*document, {}, options).as_object();
  KeptResponse kept;
  kept.response = std::move(read.at("response").as_object());
  kept.input = std::move(read.at("input").as_array());
  for (const json::value& name : read.at("told").as_array()) kept.told.emplace_back(name.as_string());
  kept.after_tools = read.at("after_tools").as_bool();
  return kept;
}

// The engine lets go of the answer, and so of this, when it has kept the state or given it up.
Keeping::~Keeping() {
  if (put_) return;
  try {
    sessions_.erase(id_);
  } catch (const std::exception&) {  // no memory: the state stays, as a session of its id
  }
}

void Keeping::complete(std::string document, std::string told, std::function<std::string(const http::Failure&)> otherwise) {
  document_ = std::move(document);
  told_ = std::move(told);
  otherwise_ = std::move(otherwise);
}

Ticket Keeping::put() {
  put_ = true;
  return sessions_.put_document(id_, std::move(document_));
}

std::string Keeping::failed(const http::Failure& failure) {
  put_ = false;
  return otherwise_(failure);
}

std::shared_ptr<http::Source> end_when_kept(std::shared_ptr<http::Source> answer, std::shared_ptr<Keeping> keeping, const Family& family,
                                            const std::shared_ptr<http::Reply>& reply) {
  return std::make_shared<EndWhenKept>(std::move(answer), std::move(keeping), family, reply);
}

}  // namespace fulmar::api::openai
