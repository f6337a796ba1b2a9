// Ollama's endpoints, one line each in the table of routes, and the tables of their fields.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::ollama {

extern const Family family;

void chat(const Context& context, const Call& call);
void generate(const Context& context, const Call& call);
void embed(const Context& context, const Call& call);
void embeddings(const Context& context, const Call& call);
void list_models(const Context& context, const Call& call);
void list_loaded(const Context& context, const Call& call);
void show_model(const Context& context, const Call& call);
void version(const Context& context, const Call& call);
void refuse(const Context& context, const Call& call);  // what would change the folder of models

extern const FieldTable chat_fields, generate_fields, option_fields, message_fields, call_fields, function_fields;  // field_tables.cpp
extern const FieldTable embed_fields, old_embed_fields, show_fields;
extern const Shape chat_answer, generate_answer, embed_answer, old_embed_answer, models_answer, loaded_answer, model_answer,
    version_answer;

// {"error":"..."}
http::Response error_words(const http::Failure& failure);

}  // namespace fulmar::api::ollama
