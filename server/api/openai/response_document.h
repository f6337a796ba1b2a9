// Responses that are kept: a document beside the state that each left, both under its id.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "answer/json.h"
#include "answer/row.h"
#include "fulmar/state_store.h"
#include "http/failure.h"
#include "http/reply.h"

namespace fulmar::api::openai {

// What is kept of one: {"response", "input", "told", "after_tools"}.
struct KeptResponse {
  json::object response;
  json::array input;              // items of the request
  std::vector<std::string> told;  // the tools that its state was told of
  bool after_tools = false;       // its state has read calls or outputs of such

  // Of its input or its output; null where it has none of that id.
  const json::object* item(std::string_view id) const;
  std::vector<std::string> calls() const;  // ids, of those that it ends in
};

// "resp_" and 24 letters and digits, which its items have in their ids as well: "msg_..._0".
std::string item_id(std::string_view kind, const std::string& response, std::string_view number);
// Of an item's id; empty where that is none of ours.
std::string response_of_item(std::string_view item);

// Nothing where there is none. Waits for the disk.
std::optional<KeptResponse> find_response(StateStore& sessions, const std::string& id);

// One that is being made. Its state is kept by the engine; the document when the answer is complete, and where it comes to
// none, the state goes too.
class Keeping {
 public:
  Keeping(StateStore& sessions, std::string id) : sessions_(sessions), id_(std::move(id)) {}
  ~Keeping();
  Keeping(const Keeping&) = delete;
  Keeping& operator=(const Keeping&) = delete;

  // By the dialect: the document, and what the client is told once it is on the disk, or could not be.
  void complete(std::string document, std::string told, std::function<std::string(const http::Failure&)> otherwise);

  // For what stands between the answer and its reader.
  bool is_complete() const { return otherwise_ != nullptr; }
  Ticket put();
  StateStore& sessions() const { return sessions_; }
  std::string take_told() { return std::move(told_); }
  std::string failed(const http::Failure& failure);

 private:
  StateStore& sessions_;
  const std::string id_;
  std::string document_, told_;
  std::function<std::string(const http::Failure&)> otherwise_;
  bool put_ = false;
};

// Gives the answer on, and holds its end back until the document is durable.
std::shared_ptr<http::Source> end_when_kept(std::shared_ptr<http::Source> answer, std::shared_ptr<Keeping> keeping, const Family& family,
                                            const std::shared_ptr<http::Reply>& reply);

}  // namespace fulmar::api::openai
