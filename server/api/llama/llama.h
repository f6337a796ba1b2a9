// llama.cpp's endpoints, one line each in the table of routes.
#pragma once
#include <string>

#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::llama {

extern const Family family;  // {"error": {"code", "message", "type"}}

// Whether a body that could be OpenAI's is one of theirs, which say n_predict.
bool is_completion(const Context& context, const json::object& body);
void completion(const Context& context, const Call& call);
void infill(const Context& context, const Call& call);
void tokenize(const Context& context, const Call& call);
void detokenize(const Context& context, const Call& call);
void embedding(const Context& context, const Call& call);
void props(const Context& context, const Call& call);
void refuse_props(const Context& context, const Call& call);
void rerank(const Context& context, const Call& call);
void list_adapters(const Context& context, const Call& call);
void scale_adapters(const Context& context, const Call& call);
void list_slots(const Context& context, const Call& call);
void act_on_slot(const Context& context, const Call& call);
void watch_models(const Context& context, const Call& call);
void load_model(const Context& context, const Call& call);
void unload_model(const Context& context, const Call& call);

// What a slot remembers is the session of this name.
std::string session_of(uint32_t slot);

extern const FieldTable slot_fields, model_fields, slot_list_query, slot_query, tokenize_fields, detokenize_fields, embedding_fields,
    adapter_fields, rerank_fields, document_fields;
extern const FieldTable completion_fields, infill_fields, prompt_object_fields, extra_fields;  // completion_fields.cpp
extern const Shape completion_answer, tokens_answer, text_answer, embedding_answer, props_answer, rerank_answer, adapters_answer,
    slots_answer, slot_answer, done_answer;
extern const Others props_others, slot_others, rerank_others;

}  // namespace fulmar::api::llama
