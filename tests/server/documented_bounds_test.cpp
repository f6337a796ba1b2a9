// docs/http-api.md tells clients what they may cost: each number of it is the one that the server keeps.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "answer/answer.h"
#include "answer/body.h"
#include "answer/context.h"
#include "answer/forms.h"
#include "answer/key_file.h"
#include "answer/prompt_scores.h"
#include "answer/tools.h"
#include "answer/vectors.h"
#include "api/ollama/words.h"
#include "api/openai/openai.h"
#include "api/openai/response_input.h"
#include "api/states/states.h"
#include "engine/constraints.h"
#include "engine/job.h"
#include "host/host.h"
#include "http/limits.h"
#include "http/request_id.h"
#include "http/server.h"
#include "server/harness.h"
#include "text/constraint_input.h"
#include "text/gbnf.h"
#include "text/regex.h"
#include "text/schema_bounds.h"
#include "text/text_automaton.h"

namespace fulmar::test {
namespace {

std::string size(size_t bytes) {
  return bytes % (1 << 20) == 0 ? fmt::format("{} MiB", bytes >> 20) : fmt::format("{} KiB", bytes >> 10);
}

std::string seconds(std::chrono::milliseconds time) {
  return fmt::format("{} s", time.count() / 1000);
}

// What each row of the table begins with: the bound and its number.
std::vector<std::string> rows() {
  const http::Limits limits;
  const EngineOptions engine;
  const http::ServerOptions server;
  const std::string most_values = fmt::format("150 MiB, for {} values", api::kBodyValues);
  return {
      fmt::format("request line and header fields together | {}, {} fields |", size(limits.header_bytes),
                  limits.header_fields),
      fmt::format("bytes of a client's own [`X-Request-Id`](#log) | {} |", http::kRequestId),
      fmt::format("chunk extensions and trailers of a body together | {} |", size(limits.header_bytes)),
      fmt::format("a body | {} |", size(limits.body_bytes)),
      fmt::format("a file of [keys](operating.md#keys) | {}, {} keys |", size(api::kKeyFileBytes), api::kKeys),
      fmt::format("the body of `POST /state/import` | a state in f32 and {}; {} where no model is loaded |",
                  size(api::states::kFileMargin), size(api::states::kUnknownFile)),
      fmt::format("bodies in memory, of all requests together, the first {} of each not counted | {} |",
                  size(limits.free_body_bytes), size(limits.bodies_bytes)),
      fmt::format("memory for reading a body as JSON, on each of the {} threads that do that | {} |", server.workers,
                  most_values),
      fmt::format("time for the header | {} from its first byte |", seconds(limits.header_time)),
      fmt::format("time for the body | {} |", seconds(limits.body_time)),
      fmt::format("what comes of a body of more than {} while all together take more than {} | {} in each {} |",
                  size(limits.free_body_bytes), size(limits.bodies_bytes / 2), size(limits.progress_bytes),
                  seconds(limits.progress_time)),
      fmt::format("time between two requests of a connection | {} ({} before the first) |", seconds(limits.idle_time),
                  seconds(limits.header_time)),
      fmt::format("requests that were read and wait for one of the {} threads that parse and tokenize | {} |",
                  server.workers, limits.waiting),
      fmt::format("bytes sent ahead, before the answer to the request before | {} |", size(limits.pipelined_bytes)),
      fmt::format("time for taking an answer | {} for each {} |", seconds(limits.write_time), size(limits.piece_bytes)),
      fmt::format("bytes of a request that are still read after an answer that ends the connection | {}, {} |",
                  size(limits.linger_bytes), seconds(limits.linger_time)),
      fmt::format("connections | {}, or fewer where the system allows fewer open files (`ulimit -n`): {} less than "
                  "those, or half of {} and fewer | 503, and past {} more: closed |",
                  limits.connections, limits.refused + limits.other_descriptors,
                  2 * (limits.refused + limits.other_descriptors), limits.refused),
      fmt::format("requests that wait for a model to be [loaded](switching.md) | {}, with bodies of {} together | 429 |",
                  host::Host::kAwaiting, size(api::kWaitingBodies)),
      fmt::format("tokens of a [context](ollama.md#post-apigenerate) that is told | {} |", api::ollama::kContext),
      fmt::format("other names of a model, as tuned states and mixtures have | {} | 429 |", host::Host::kNames),
      fmt::format("bytes of what a request calls a file | {} | 400 |", host::Shelf::kNameBytes),
      fmt::format("tokens of one prompt | {} (`--max-prompt-tokens`)", engine.max_prompt_tokens),
      fmt::format("tokens that a request feeds: those that its session was not fed yet, and its prompt | {}, {} times "
                  "`--max-prompt-tokens` |",
                  uint64_t{prompts_fed} * engine.max_prompt_tokens, prompts_fed),
      fmt::format("tokens of all prompts that wait; one that is continued `n` times counts once | {} (`--queue-tokens`)",
                  engine.queue_tokens),
      fmt::format("answers that wait, each of the `n` counted | {} (`--queue`)", engine.queue),
      fmt::format("prompts times `n` | {} |", api::kChoices),
      fmt::format("text and log probabilities of an answer in one piece | {} over all its choices |", size(api::kUnread)),
      fmt::format("text of a [response](responses.md), which its end says again | {} |", size(api::kRepeated)),
      fmt::format("what is kept of a response's request; of a response with that | {}; {} |", size(api::openai::kKeptInput),
                  size(max_document)),
      fmt::format("[responses](responses.md#items) that a request's `item_reference`s are of, each counted when another comes before it | {} |", api::openai::kReferred),
      fmt::format("text and log probabilities of a stream that were not taken yet | {} |", size(api::kUnread)),
      fmt::format("log probabilities of a request's prompts, {} bytes for each token and each that is told beside it | {} | 400 |",
                  sizeof(TokenScore), size(api::kPromptScores)),
      fmt::format("tokens that are told beside each | {} | 400 |", api::openai::completion_fields.find("logprobs")->most),
      fmt::format("what all answers together hold and nobody has taken yet, `echo` and the texts of `/v1/embeddings` "
                  "included | {}, and {} of each answer beyond |",
                  size(api::kAllUnread), size(api::kPartBytes)),
      fmt::format("text that `echo` repeats | {} |", size(api::kUnread)),
      fmt::format("a [JSON schema](structured.md#json-schema) | {}, {} values, {} levels deep |", size(max_schema_bytes),
                  max_schema_nodes, max_schema_depth),
      fmt::format("schemas inside each other, by references too | {} |", max_schema_chain),
      fmt::format("combinations of a schema's parts | {}, each of {} forms of objects or arrays, with {} states each |",
                  max_schema_terms, max_schema_shapes, max_shape_states),
      fmt::format("states of the strings or numbers that one place in a schema allows | {} |", max_automaton_states),
      fmt::format("digits of a number in a schema | {}; of `multipleOf`, some of whose multiples are offered: {}, or all where its digits "
                  "without zeros at the end, as a whole number, times its places or those zeros and one are no more than {} |",
                  max_schema_digits, max_long_divisor, max_schema_multiple),
      fmt::format("ways in which a schema counts an array's items with `contains` | {} |", max_shape_counts),
      fmt::format("steps of making a grammar of a schema, some 200 ms in all; of all schemas of a form | {}; {} |", max_schema_steps,
                  max_form_steps),
      fmt::format("tools of a request; a tool's name; all of their text | {}; {} bytes; {} |", api::kTools, api::kToolName,
                  size(api::kToolBytes)),
      fmt::format("[forms of answers](structured.md): a schema, a grammar, an expression or all choices; choices | {}; {} |",
                  size(api::kFormBytes), api::kFormChoices),
      fmt::format("a grammar: rules; parts; bytes of its texts; times that it repeats one; how deep it nests | {}; {}; {} KiB; {}; {} |",
                  max_grammar_rules, max_grammar_nodes, max_grammar_text >> 10, max_grammar_repeats, max_grammar_depth),
      fmt::format("a grammar in GBNF; its parentheses in each other | {}; {} |", size(max_gbnf_bytes), max_gbnf_depth),
      fmt::format("an expression or pattern; its groups in each other | {}; {} |", size(max_regex_bytes), max_regex_depth),
      fmt::format("what a grammar becomes: steps; choices of all of them together | {}; {} |", max_program_leaves,
                  max_program_closures),
      fmt::format("parts of a form that are put together; in each other | {}; {} |", max_constraint_parts, max_constraint_depth),
      fmt::format("memory of a form, of which the last {} sets of tokens are kept; of all that are in use or among the {} last | {} and "
                  "its steps; {} MiB |",
                  max_constraint_masks, max_kept_constraints, size(max_constraint_bytes), max_constraints_memory >> 20),
      fmt::format("places of a grammar looked at (some 10 ns each) for the set of tokens that may come next; for those of all forms in a "
                  "step of the model | {}; {}, shared by the forms, each of which has {} |",
                  max_mask_work, max_step_form_work, least_form_work),
      fmt::format("places of a grammar looked at for one byte; for reading one token | {}; {} |", GrammarMachine::most_step_work, max_read_work),
      fmt::format("places of a grammar that an answer is in, where its form begins anew in memory | {} |", GrammarMachine::most_weight),
      fmt::format("refused forms that are remembered | {} |", max_kept_refusals),
      fmt::format("classes of characters whose tokens a grammar has at hand; those that all grammars share | {}; {} |",
                  max_loop_slices, max_kept_slices),
      fmt::format("calls of an answer; the text of one | {}; {} |", most_calls, size(most_call_bytes)),
      fmt::format("states of documents that a [reranker](llama.md#post-rerank) is to score, of one answer | {}, and two in any case |",
                  size(api::kStatesUnderWay)),
      fmt::format("[paused answers](lightning.md#post-v1serverstop-pause-and-resume), for {} s each | {}, with {} of states |",
                  api::kPausedTime.count(), api::kPausedAnswers, size(api::kPausedBytes)),
  };
}

TEST(DocumentedBounds, TheTableHasTheNumbersThatAreKept) {
  std::ifstream file(FULMAR_SOURCE_DIR "/docs/http-api.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::string> wanted = rows();
  for (const std::string& row : wanted) EXPECT_NE(text.find("\n| " + row), std::string::npos) << row;
  const size_t begin = text.find("\n| bound | | beyond it |\n"), end = text.find("\n\n", begin);
  ASSERT_NE(begin, std::string::npos);
  const auto lines = std::count(text.begin() + static_cast<long>(begin) + 1, text.begin() + static_cast<long>(end), '\n');
  EXPECT_EQ(static_cast<size_t>(lines), wanted.size() + 1) << "a row of the table is held by no test";
  EXPECT_NE(text.find(fmt::format("up to {} bytes each", api::kStopBytes)), std::string::npos);
}

}  // namespace
}  // namespace fulmar::test
