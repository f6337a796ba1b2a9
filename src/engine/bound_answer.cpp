// Where the thought ends, and the form begins; see bound_answer.h.
#include "engine/bound_answer.h"

#include <algorithm>
#include <limits>

#include "base/fail.h"

namespace fulmar {
namespace {

constexpr std::string_view end_mark = "</think";
constexpr std::size_t most_forced = 512;  // bytes fed at once
constexpr const char* too_many_ways =
    "the form that was asked for can be read in so many ways that no more than some were followed, and those lead nowhere; make it simpler";

void set_bit(TokenSet& set, Token token, bool on) {
  const uint64_t bit = uint64_t{1} << (static_cast<uint32_t>(token) & 63);
  uint64_t& word = set[static_cast<std::size_t>(token) >> 6];
  word = on ? word | bit : word & ~bit;
}

FormOpening opening_of(const Turn& turn) {
  switch (turn.opening) {
    case TurnOpening::name:
    case TurnOpening::spaced: return FormOpening::space;
    case TurnOpening::faked: return FormOpening::bracket;
    case TurnOpening::continued: return turn.begun.ends_with(end_mark) ? FormOpening::bracket : FormOpening::none;
    case TurnOpening::raw:
    case TurnOpening::thought: break;
  }
  return FormOpening::none;
}

}  // namespace

BoundAnswer::BoundAnswer(std::shared_ptr<const Constraint> constraint, std::shared_ptr<const Tokenizer> tokenizer,
                         const Turn& turn, bool thinking, std::span<const Token> stops, uint32_t vocab)
    : constraint_(std::move(constraint)), tokenizer_(std::move(tokenizer)), stops_(stops), allowed_((vocab + 63) / 64) {
  require(constraint_->trie().vocab() == vocab, "a constraint of {} tokens for a model of {}", constraint_->trie().vocab(), vocab);
  if (!thinking)
    begin(opening_of(turn));
  else
    tail_ = turn.begun.substr(turn.begun.size() - std::min(turn.begun.size(), end_mark.size() - 1));
}

void BoundAnswer::prepare() noexcept {
  try {
    static_cast<void>(allowed());
  } catch (...) {
    known_ = false;
  }
}

std::span<const uint64_t> BoundAnswer::allowed() {
  if (known_) return allowed_;
  if (!run_) {
    std::ranges::fill(allowed_, ~uint64_t{0});
    for (const Token stop : stops_) set_bit(allowed_, stop, false);
  } else {
    std::ranges::copy(*run_->mask(), allowed_.begin());
    if (run_->may_end())
      for (const Token stop : stops_) set_bit(allowed_, stop, true);
    if (std::ranges::all_of(allowed_, [](uint64_t word) { return word == 0; }))
      fail(ErrorKind::bad_request, "{}",
           run_->is_cut() ? too_many_ways : "the model's vocabulary has no token that goes on with the form that was asked for");
  }
  known_ = true;
  return allowed_;
}

void BoundAnswer::read(Token token) {
  known_ = false;
  const std::string_view bytes = tokenizer_->bytes(token);
  if (!run_) return read_thought(bytes);
  if (run_->accept(bytes)) return;
  if (run_->is_cut()) fail(ErrorKind::bad_request, "{}", too_many_ways);
  fail(ErrorKind::internal, "token {} is not of the form that was asked for", token);
}

// The first end mark ends it, whatever follows: the sign that it owes is what the form begins with.
void BoundAnswer::read_thought(std::string_view bytes) {
  tail_ += bytes;
  const std::size_t mark = tail_.find(end_mark);
  if (mark == tail_.npos) {
    tail_.erase(0, tail_.size() - std::min(tail_.size(), end_mark.size() - 1));
    return;
  }
  begin(FormOpening::bracket);
  const std::string rest = tail_.substr(mark + end_mark.size());
  if (run_->accept(rest)) return;
  run_.reset();  // a word that begins like the mark, or a token that has more behind it: the next mark ends it
  tail_ = rest.substr(rest.size() - std::min(rest.size(), end_mark.size() - 1));
}

bool BoundAnswer::leaves_none(std::span<const std::pair<Token, float>> biases) const {
  TokenSet left = allowed_;
  for (const auto& [token, bias] : biases)
    if (bias == -std::numeric_limits<float>::infinity()) set_bit(left, token, false);
  return known_ && std::ranges::all_of(left, [](uint64_t word) { return word == 0; });
}

std::vector<Token> BoundAnswer::forced(uint32_t most) {
  if (!run_ || most == 0) return {};
  const std::string bytes = run_->forced(most_forced);
  if (bytes.size() < 2) return {};  // the mask is as good
  ConstraintRun behind = *run_;
  require(behind.accept(bytes), "forced bytes that are not allowed");
  std::vector<Token> tokens = tokenizer_->encode_plain(bytes);
  if (tokens.size() > most) tokens.resize(most);
  if (behind.is_over()) return tokens;
  std::size_t kept = 0;
  for (std::string_view rest = bytes; kept < tokens.size(); ++kept) {
    if (run_->trie().goes_on(rest)) break;
    rest.remove_prefix(std::min(rest.size(), tokenizer_->bytes(tokens[kept]).size()));
    if (rest.empty()) break;  // the last one may change with what follows, where tokens are made by merging
  }
  tokens.resize(kept);
  return tokens;
}

}  // namespace fulmar
