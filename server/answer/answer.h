// One HTTP request's answer: several engine requests, gathered into one text or one event stream.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "answer/common_fields.h"
#include "answer/dialect.h"
#include "answer/held.h"
#include "answer/row.h"
#include "answer/running.h"

namespace fulmar::api {

// Each of these is in docs/http-api.md too.
constexpr size_t kChoices = 1024;                // of all prompts together
constexpr size_t kUnread = size_t{4} << 20;      // bytes of an answer's text and scores that nobody has taken yet
constexpr size_t kRepeated = size_t{1} << 20;    // bytes of one whose end says all of it again

// What was asked for.
struct Asked {
  Delivery delivery;
  std::vector<Request> prompts;  // each is continued delivery.choices times
  bool echo = false;             // each prompt's text is put before what continues it, and so are its scores, if wanted
  uint32_t best_of = 0;          // more than delivery.choices: so many are drawn, and those shown whose tokens are likeliest
  bool scores = true;            // those that the requests report are shown
  bool tells_tokens = false;     // the dialect hears of the tokens that were drawn
  bool tells_prompt = false;     // and with a choice's end of its prompt, which has its text then (PromptInput::keep_text)
  bool tells_progress = false;   // and in a stream of how far the prompt was read; with Report::progress
  bool trim = false;             // an answer in one piece: without the white space around each text
  bool repeats = false;          // the dialect says all of it again at its end: past kRepeated bytes it ends as if the model had
  // What stands between the answer and its reader, as who keeps it before its end is told.
  std::function<std::shared_ptr<http::Source>(std::shared_ptr<http::Source> answer)> around{};
  // Where it can be stopped or paused while it runs (running.h): its name there; and the numbers of its texts, where they are
  // not 0, 1, ... Prompts have no turn of a template then, and each is continued once.
  std::string id{};
  std::vector<uint32_t> indices{};
};

// Submits everything and returns; `dialect` makes the answer as the reply is read. What serves it is kept until the
// last of it was generated. Throws Error, with nothing left running, when the engine refuses any part. If the client goes
// away every slot is given back.
void give_answer(const Context& context, const host::ServedPtr& served, Asked asked, std::unique_ptr<Dialect> dialect,
                 const Call& call);

}  // namespace fulmar::api
