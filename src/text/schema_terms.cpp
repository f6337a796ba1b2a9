// Keeps every combination of schemas once.
#include "text/schema_terms.h"

#include <algorithm>

#include "base/fail.h"

namespace fulmar {

SchemaTerms::SchemaTerms() {
  intern(Kind::all, {});
  intern(Kind::any, {});
}

Term SchemaTerms::intern(Kind kind, std::vector<uint32_t> parts) {
  const auto [found, is_new] = known_.try_emplace({kind, parts}, static_cast<Term>(entries_.size()));
  if (is_new) {
    if (entries_.size() >= max_schema_terms)
      fail(ErrorKind::bad_request, "combines its parts in more than {} ways; make it simpler",
           max_schema_terms);
    entries_.push_back({kind, std::move(parts)});
  }
  return found->second;
}

Term SchemaTerms::schema(uint32_t leaf) {
  return intern(Kind::schema, {leaf});
}

Term SchemaTerms::combine(Kind kind, std::vector<Term> parts) {
  const Term neutral = kind == Kind::all ? anything : nothing,
             deciding = kind == Kind::all ? nothing : anything;
  std::vector<Term> flat;
  for (const Term part : parts) {
    if (part == deciding) return deciding;
    if (part == neutral) continue;
    const Entry& entry = entries_[part];
    if (entry.kind == kind)
      flat.insert(flat.end(), entry.parts.begin(), entry.parts.end());
    else
      flat.push_back(part);
  }
  std::sort(flat.begin(), flat.end());
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  if (flat.empty()) return neutral;
  if (flat.size() == 1) return flat[0];
  for (const Term part : flat) {
    if (entries_[part].kind != Kind::not_schema) continue;
    const auto plain = known_.find({Kind::schema, entries_[part].parts});
    if (plain != known_.end() && std::binary_search(flat.begin(), flat.end(), plain->second)) return deciding;
  }
  return intern(kind, std::move(flat));
}

Term SchemaTerms::all_of(std::vector<Term> parts) {
  return combine(Kind::all, std::move(parts));
}
Term SchemaTerms::any_of(std::vector<Term> parts) {
  return combine(Kind::any, std::move(parts));
}

Term SchemaTerms::not_of(Term term) {
  if (term == anything) return nothing;
  if (term == nothing) return anything;
  const Entry entry = entries_[term];
  switch (entry.kind) {
    case Kind::schema:
      return intern(Kind::not_schema, entry.parts);
    case Kind::not_schema:
      return intern(Kind::schema, entry.parts);
    default:
      break;
  }
  std::vector<Term> parts;
  for (const Term part : entry.parts) parts.push_back(not_of(part));
  return combine(entry.kind == Kind::all ? Kind::any : Kind::all, std::move(parts));
}

}  // namespace fulmar
