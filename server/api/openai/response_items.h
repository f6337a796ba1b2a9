// The items of a request for a response, as turns of a chat and as they are kept.
#pragma once
#include <boost/json/array.hpp>
#include <optional>
#include <string>
#include <vector>

#include "answer/fields.h"
#include "answer/tools.h"
#include "api/openai/response_document.h"
#include "fulmar/request.h"

namespace fulmar::api::openai {

class ItemReader {
 public:
  // `id`: of the response, which is in the ids that items get.
  ItemReader(std::string id, StateStore& sessions) : id_(std::move(id)), sessions_(sessions) {}

  void add_text(const std::string& text);  // the user's
  void add(const json::value& item, const std::string& name);
  // The turns. Outputs of several calls come into the order of these; `called`: the calls before the first item.
  std::vector<ChatMessage> take_messages(const std::vector<std::string>& called);
  json::array take_items() { return std::move(items_); }

 private:
  void add_message(const Fields& item);
  void add_call(const Fields& item);
  void add_output(const Fields& item);
  void add_reasoning(const json::object& object, const Fields& item);
  void add_referred(const Fields& item);
  void keep(std::string_view kind, const Fields& item, json::object members);
  void say(std::string role, std::string text);

  const std::string id_;
  StateStore& sessions_;
  json::array items_;
  std::vector<ChatMessage> messages_;
  std::vector<TurnIds> ids_;  // one a message
  // One at a time, for each may be large: references to items of one stand together as a rule.
  std::string referred_id_;
  std::optional<KeptResponse> referred_;
  size_t reads_ = 0;
};

}  // namespace fulmar::api::openai
