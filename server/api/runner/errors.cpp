// Errors as FastAPI has them, in which RWKV-Runner is written.
#include <boost/json/serialize.hpp>
#include <charconv>

#include "answer/json.h"
#include "api/runner/runner.h"

namespace fulmar::api::runner {
namespace {

// "messages[0].role" as ["body", "messages", 0, "role"].
json::array place_of(std::string_view param) {
  json::array place = {"body"};
  while (!param.empty()) {
    const size_t end = std::min(param.find_first_of(".[]"), param.size());
    const std::string_view word = param.substr(0, end);
    param.remove_prefix(std::min(end + 1, param.size()));
    if (word.empty()) continue;
    int64_t number = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error == std::errc() && stop == word.data() + word.size())
      place.emplace_back(number);
    else
      place.emplace_back(text(word));
  }
  return place;
}

http::Response error_words(const http::Failure& failure) {
  json::value detail = text(failure.message);
  if (failure.status == 422)
    detail = json::array{json::object{{"loc", place_of(failure.param)}, {"msg", text(failure.message)}, {"type", "value_error"}}};
  http::Response response;
  response.body = json::serialize(json::object{{"detail", std::move(detail)}});
  return response;
}

}  // namespace

constexpr Family family{"runner", error_words, 0, {}, 422};

}  // namespace fulmar::api::runner
