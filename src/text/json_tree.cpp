// Builds a tree of a JSON text out of the parser's events.
#include "text/json_tree.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <utility>

#include "base/fail.h"

namespace fulmar {
namespace {

class TreeHandler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error = boost::json::error_code;
  using text = boost::json::string_view;

  TreeHandler(std::size_t most, std::string_view name) : most_(most), name_(name) {}
  JsonNode root;

  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return open(JsonNode::Kind::object); }
  bool on_object_end(std::size_t, error&) { return close(); }
  bool on_array_begin(error&) { return open(JsonNode::Kind::array); }
  bool on_array_end(std::size_t, error&) { return close(); }
  bool on_key_part(text part, std::size_t, error&) { return append(part); }
  bool on_key(text part, std::size_t, error&) {
    append(part);
    key_ = std::exchange(part_, {});
    return true;
  }
  bool on_string_part(text part, std::size_t, error&) { return append(part); }
  bool on_string(text part, std::size_t, error&) { return leaf(JsonNode::Kind::string, part); }
  bool on_number_part(text part, error&) { return append(part); }
  bool on_int64(std::int64_t, text part, error&) { return leaf(JsonNode::Kind::number, part); }
  bool on_uint64(std::uint64_t, text part, error&) { return leaf(JsonNode::Kind::number, part); }
  bool on_double(double, text part, error&) { return leaf(JsonNode::Kind::number, part); }
  bool on_bool(bool yes, error&) { return leaf(yes ? JsonNode::Kind::yes : JsonNode::Kind::no, {}); }
  bool on_null(error&) { return leaf(JsonNode::Kind::null, {}); }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }

 private:
  bool append(text part) {
    part_.append(part.data(), part.size());
    return true;
  }
  JsonNode& add(JsonNode::Kind kind) {
    if (++nodes_ > most_)
      fail(ErrorKind::bad_request, "{}: has more than {} values; send a smaller one", name_, most_);
    JsonNode* made = &root;
    if (!open_.empty()) {
      JsonNode& parent = *open_.back();
      if (parent.is(JsonNode::Kind::object)) {
        parent.keys.push_back(std::move(key_));
        key_.clear();
      }
      made = &parent.items.emplace_back();
    }
    made->kind = kind;
    return *made;
  }
  // The parent's vector does not grow while a value inside is open, so the pointers stay good.
  bool open(JsonNode::Kind kind) {
    open_.push_back(&add(kind));
    return true;
  }
  bool close() {
    JsonNode& closed = *open_.back();
    open_.pop_back();
    if (closed.is(JsonNode::Kind::object)) drop_repeated(closed);
    return true;
  }
  bool leaf(JsonNode::Kind kind, text part) {
    append(part);
    std::string whole = std::exchange(part_, {});
    add(kind).text = std::move(whole);
    return true;
  }
  static void drop_repeated(JsonNode& object) {
    std::vector<std::size_t> order(object.keys.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return object.keys[a] < object.keys[b]; });
    std::vector<char> dropped(order.size(), 0);
    bool any = false;
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
      if (object.keys[order[i]] == object.keys[order[i + 1]]) {
        any = true;
        dropped[order[i]] = 1;
      }
    if (!any) return;
    JsonNode kept;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (dropped[i]) continue;
      kept.keys.push_back(std::move(object.keys[i]));
      kept.items.push_back(std::move(object.items[i]));
    }
    object.keys = std::move(kept.keys);
    object.items = std::move(kept.items);
  }

  std::size_t most_, nodes_ = 0;
  std::string_view name_;
  std::string part_, key_;
  std::vector<JsonNode*> open_;
};

}  // namespace

const JsonNode* JsonNode::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key) return &items[i];
  return nullptr;
}

JsonNode read_json_tree(std::string_view text, const JsonTreeLimits& limits, std::string_view name) {
  if (text.size() > limits.bytes)
    fail(ErrorKind::bad_request, "{}: has {} bytes; at most {} are taken", name, text.size(), limits.bytes);
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  boost::json::basic_parser<TreeHandler> parser(options, limits.nodes, name);
  boost::json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  if (error == boost::json::error::too_deep)
    fail(ErrorKind::bad_request, "{}: nests deeper than {} levels; send a flatter one", name, limits.depth);
  if (error) fail(ErrorKind::bad_request, "{}: is no JSON: {}, at byte {}", name, error.message(), read);
  return std::move(parser.handler().root);
}

}  // namespace fulmar
