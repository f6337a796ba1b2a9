// From bodies to outcomes; see answer_reader.h.
#include "answer_reader.h"

#include <utility>

#include "base/utf8.h"
#include "request_form.h"

namespace fulmar::load {
namespace {

constexpr size_t most_body_bytes = 64 << 20;  // of an answer in one piece, and of an answer's text

}  // namespace

AnswerReader::AnswerReader(Outcome& outcome, bool events)
    : outcome_(outcome), events_(events), reader_([this](std::string_view data) {
        if (is_end_mark(data)) ended_ = true;
        if (!ended_ && data.find_first_not_of(' ') != data.npos) take(data);
      }) {}

bool AnswerReader::push(std::string_view bytes, double now) {
  now_ = now;
  if (events_) {
    if (!reader_.push(bytes)) fault(Fault::malformed, "an event is longer than any answer");
  } else if (whole_.size() + bytes.size() > most_body_bytes) {
    fault(Fault::malformed, "the answer has no end");
  } else {
    whole_ += bytes;
  }
  return outcome_.fault == Fault::none;
}

void AnswerReader::finish(double now, bool certain) {
  if (!ended_) now_ = now;
  if (events_) {
    reader_.finish();
  } else if (outcome_.fault == Fault::none) {
    take(whole_);
  }
  outcome_.end = now_;
  if (events_ && !ended_ && !certain) fault(Fault::reset, "the connection ended before the stream did");
  if (outcome_.pieces == 0) fault(Fault::empty, "the answer has no text");
}

void AnswerReader::take(std::string_view json) {
  std::optional<Piece> piece = read_piece(json);
  if (!piece) return fault(Fault::malformed, "what came is no JSON: " + shown(json, 80));
  if (piece->error) return fault(Fault::error, *piece->error);
  if (piece->completion) outcome_.tokens = piece->completion;
  if (piece->text.empty()) return;
  if (outcome_.text.size() + piece->text.size() > most_body_bytes) return fault(Fault::malformed, "the answer has no end");
  outcome_.text += piece->text;
  if (outcome_.pieces++ == 0) {
    outcome_.first = now_;
  } else {
    outcome_.gaps.push_back(static_cast<float>(now_ - last_));
  }
  last_ = now_;
}

// The first thing that goes wrong is the one that is told.
void AnswerReader::fault(Fault what, std::string why) {
  if (outcome_.fault != Fault::none) return;
  outcome_.fault = what;
  outcome_.why = std::move(why);
}

}  // namespace fulmar::load
