// The spelling of EmbeddingRWKV's checkpoints: a v7 model below "rwkv." without a use for its head, and beside it small
// heads that make vectors of what the final norm gives.
#include "weights/names.h"

#include <utility>

namespace fulmar {
namespace {

bool sees_images(std::string_view name) {
  return name.starts_with("vit.") || name.starts_with("proj.");
}

}  // namespace

SourcePtr embedding_names(const SourcePtr& source) {
  constexpr std::string_view model = "rwkv.", heads = "head.", one_head = "_head.";
  if (!source->info("rwkv.emb.weight") || !source->info("head.retr_head.fc1.weight")) return nullptr;
  std::vector<Renamed> names;
  for (const std::string& name : source->names()) {
    if (name == "rwkv.head.weight" || sees_images(name)) continue;
    const size_t end = name.find(one_head);
    if (name.starts_with(model))
      names.push_back({name.substr(model.size()), name});
    else if (name.starts_with(heads) && end != name.npos)  // "head.retr_head.fc1.weight" -> "embedding.retr.fc1.weight"
      names.push_back({"embedding." + name.substr(heads.size(), end - heads.size()) + "." +
                           name.substr(end + one_head.size()),
                       name});
    else
      names.push_back({name, name});
  }
  return rename(source, std::move(names));
}

SourcePtr reranker_names(const SourcePtr& source) {
  constexpr std::string_view part = "reranker.";
  constexpr std::pair<std::string_view, std::string_view> others[] = {{"token.weight", "emb.weight"},
                                                                      {"head.0.weight", "embedding.rank.dense.weight"},
                                                                      {"head.0.bias", "embedding.rank.dense.bias"},
                                                                      {"head.2.weight", "embedding.rank.score.weight"}};
  if (!source->info("reranker.blocks.0.att.r_k") || !source->info("reranker.head.2.weight")) return nullptr;
  std::vector<Renamed> names;
  for (const std::string& name : source->names()) {
    if (name.starts_with("rwkv.") || sees_images(name)) continue;  // of the model that it was trained with
    std::string own = name.starts_with(part) ? name.substr(part.size()) : name;
    for (const auto& [from, to] : others)
      if (own == from) own = to;
    names.push_back({own, name});
  }
  return rename(source, std::move(names));
}

}  // namespace fulmar
