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
void create_response(const Context& context, const Call& call);  // responses.cpp
void count_response_input(const Context& context, const Call& call);
void get_response(const Context& context, const Call& call);  // kept_responses.cpp
void delete_response(const Context& context, const Call& call);
void cancel_response(const Context& context, const Call& call);
void list_input_items(const Context& context, const Call& call);
void tokenizer_info(const Context& context, const Call& call);

extern const FieldTable completion_fields, chat_fields, lightning_chat_fields, embedding_fields;  // field_tables.cpp
extern const FieldTable tokenize_fields;
extern const Shape models_answer, model_answer, completion_answer, chat_answer, embedding_answer, template_answer, tokens_answer,
    count_answer, vocabulary_answer, response_answer, input_items_answer, deleted_response_answer;
extern const FieldTable response_fields, response_query, input_item_query;  // response_fields.cpp, and of what is inside:
extern const FieldTable item_fields, item_part_fields, response_tool_fields, text_fields, text_format_fields, reasoning_fields;
extern const FieldTable message_fields, part_fields, call_fields, function_fields, template_option_fields;

}  // namespace fulmar::api::openai
