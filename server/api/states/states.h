// Fulmar's own endpoints for sessions and their states, one line each in the table of routes.
#pragma once
#include "answer/fields.h"
#include "answer/row.h"

namespace fulmar::api::states {

// What a state may take in a file beside its numbers: its tokens that were not fed, four bytes each, and the head.
constexpr size_t kFileMargin = size_t{4} << 20;
constexpr size_t kUnknownFile = size_t{64} << 20;
constexpr size_t kMixed = 64;  // states of one mixture

void fork(const Context& context, const Call& call);
void show(const Context& context, const Call& call);
void erase(const Context& context, const Call& call);
void export_state(const Context& context, const Call& call);
void import_state(const Context& context, const Call& call);
void mix(const Context& context, const Call& call);

// Where a session's tokens are of another vocabulary than the server's.
constexpr std::string_view no_text =
    "the session is of a model with another vocabulary, which its tokens are spelled in: GET /state/export/{id}?format=tokens "
    "gives these";

size_t most_imported(const Context& context);  // bytes of a state's file

extern const FieldTable fork_fields, mix_fields, export_query, import_query, erase_query;  // field_tables.cpp
extern const Shape named_answer, session_answer, deleted_answer, transcript_answer;

}  // namespace fulmar::api::states
