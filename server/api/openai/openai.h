// OpenAI's endpoints, one line each in the table of routes, and the tables of their fields.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::openai {

extern const Family family;

void list_models(const Context& context, const Call& call);
void get_model(const Context& context, const Call& call);
void completions(const Context& context, const Call& call);
void chat_completions(const Context& context, const Call& call);
void lightning_chat(const Context& context, const Call& call);
// A text or a conversation, where /tokenize has no `content`, which is llama.cpp's.
bool is_tokenize(const json::object& body);
void tokenize(const Context& context, const Call& call);
void count_input(const Context& context, const Call& call);
void embeddings(const Context& context, const Call& call);
void apply_template(const Context& context, const Call& call);
void tokenizer_info(const Context& context, const Call& call);

extern const FieldTable completion_fields, chat_fields, lightning_chat_fields, embedding_fields;  // field_tables.cpp
extern const FieldTable tokenize_fields;
extern const Shape models_answer, model_answer, completion_answer, chat_answer, embedding_answer, template_answer, tokens_answer,
    count_answer, vocabulary_answer;
extern const FieldTable message_fields, part_fields, call_fields, function_fields, template_option_fields;

}  // namespace fulmar::api::openai
